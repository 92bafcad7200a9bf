/* For kumo-sink. */
#include "secure.h"

const struct secure *const secure = NULL;
