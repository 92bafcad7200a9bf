#include <kr/scene.h>

const struct kr_check_group kr_checks_link = {"link", NULL, 0};
