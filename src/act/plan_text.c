#include <kr/plan.h>

#include <kr/buf.h>
#include <kr/nft.h>

#include <string.h>

void kr_plan_text(const struct kr_plan *p, struct kr_buf *out)
{
    struct kr_failsafe f = kr_plan_failsafe(p);
    struct kr_nft *r = kr_plan_ruleset(p, p->mode == KR_MODE_BLOCK ? KR_RULES_BLOCK : KR_RULES_ALL);
    kr_buf_printf(out, "# nft -f\n");
    kr_nft_text(r, out);
    kr_buf_printf(out, "\n# iproute2\n");
    kr_failsafe_text(&f, out);
    kr_nft_free(r);
}

bool kr_plan_equal(const struct kr_plan *a, const struct kr_plan *b)
{
    KR_AUTO_BUF struct kr_buf x = {0}, y = {0};
    kr_plan_text(a, &x);
    kr_plan_text(b, &y);
    return a->mode == b->mode && a->builtin == b->builtin && a->waivers.n == b->waivers.n &&
           memcmp(&a->waivers, &b->waivers, sizeof a->waivers) == 0 &&
           strcmp(kr_buf_str(&x), kr_buf_str(&y)) == 0;
}
