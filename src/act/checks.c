#include <kr/checks.h>

#include "check_own.h"

#include <kr/near.h>
#include <kr/scene.h>

#include <string.h>

static const struct kr_check_group *const groups[] = {
    &kr_checks_own,    &kr_checks_nft, &kr_checks_bpf,  &kr_checks_link,  &kr_checks_route,
    &kr_checks_exempt, &kr_checks_mta, &kr_checks_load, &kr_checks_probe,
};
#define N_GROUPS (sizeof groups / sizeof *groups)

static const struct kr_check_group *group_of(size_t *i)
{
    for (size_t g = 0; g < N_GROUPS; g++) {
        if (*i < groups[g]->n)
            return groups[g];
        *i -= groups[g]->n;
    }
    return NULL;
}

size_t kr_checks_count(void)
{
    size_t n = 0;
    for (size_t g = 0; g < N_GROUPS; g++)
        n += groups[g]->n;
    return n;
}

const struct kr_check *kr_checks_at(size_t i)
{
    const struct kr_check_group *g = group_of(&i);
    return g ? &g->v[i] : NULL;
}

const char *kr_checks_group_of(size_t i)
{
    const struct kr_check_group *g = group_of(&i);
    return g ? g->name : NULL;
}

const struct kr_check *kr_checks_find(const char *id)
{
    for (size_t i = 0; i < kr_checks_count(); i++)
        if (strcmp(kr_checks_at(i)->id, id) == 0)
            return kr_checks_at(i);
    return NULL;
}

const char *kr_checks_nearest(const char *id)
{
    struct kr_near near;
    kr_near_begin(&near, id);
    for (size_t i = 0; i < kr_checks_count(); i++)
        kr_near_offer(&near, kr_checks_at(i)->id);
    return near.best;
}
