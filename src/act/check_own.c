#include "check_own.h"

const struct kr_check_group kr_checks_own = {"own", NULL, 0};
