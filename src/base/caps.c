#include <kr/caps.h>

static void let_go(cap_t *c)
{
    if (*c)
        cap_free(*c);
}
#define AUTO_CAPS __attribute__((cleanup(let_go))) cap_t

static bool effective(cap_t c, cap_value_t cap)
{
    cap_flag_value_t is;
    return cap_get_flag(c, cap, CAP_EFFECTIVE, &is) == 0 && is == CAP_SET;
}

bool kr_caps_have(cap_value_t cap)
{
    AUTO_CAPS now = cap_get_proc();
    return now && effective(now, cap);
}

int kr_caps_keep(const cap_value_t *caps, size_t n)
{
    AUTO_CAPS now = cap_get_proc();
    AUTO_CAPS then = cap_init();
    if (!now || !then)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (effective(now, caps[i]) && (cap_set_flag(then, CAP_PERMITTED, 1, &caps[i], CAP_SET) ||
                                        cap_set_flag(then, CAP_EFFECTIVE, 1, &caps[i], CAP_SET)))
            return -1;
    return cap_set_proc(then);
}

bool kr_caps_none(void)
{
    AUTO_CAPS now = cap_get_proc();
    AUTO_CAPS none = cap_init();
    return now && none && cap_compare(now, none) == 0;
}

int kr_caps_empty_bounds(void)
{
    for (cap_value_t cap = 0; cap < cap_max_bits(); cap++)
        if (cap_drop_bound(cap))
            return -1;
    return 0;
}
