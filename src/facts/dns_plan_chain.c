#include "dns_plan_internal.h"

#include <kr/mem.h>

#include <assert.h>

bool kr_plan_chain_on(struct kr_dns_plan *p, const struct kr_question *q, const struct kr_reply *r,
                      enum kr_proof proof)
{
    if (r->links > KR_REPLY_LINKS || proof == KR_PROOF_BOGUS || proof == KR_PROOF_FAILED)
        return false;
    p->chains = kr_grow(p->chains, &p->cap_chains, p->n_chains + 1, sizeof *p->chains);
    p->chains[p->n_chains] =
        (struct plan_chain){.of = q->of,
                            .target = kr_name_table_add(&p->targets, r->name, NULL),
                            .kind = (uint8_t)q->kind,
                            .links = r->links,
                            .proof = (uint8_t)proof};
    kr_todo_add(&p->todo, ASK_CHAIN, (uint32_t)p->n_chains++);
    return true;
}

/* From the best to the worst. */
static const uint8_t badness[] = {[KR_PROOF_SECURE] = 0,
                                  [KR_PROOF_INSECURE] = 1,
                                  [KR_PROOF_UNJUDGED] = 2,
                                  [KR_PROOF_FAILED] = 3,
                                  [KR_PROOF_BOGUS] = 4};
static_assert(sizeof badness == KR_PROOFS, "how bad each is");

struct kr_question kr_plan_chain_end(const struct kr_dns_plan *p, uint32_t of, struct kr_reply *r,
                                     enum kr_proof *proof)
{
    const struct plan_chain *c = &p->chains[of];
    unsigned links = r->links + c->links;
    r->links = (uint8_t)(links < 255 ? links : 255);
    if (badness[c->proof] > badness[*proof])
        *proof = (enum kr_proof)c->proof;
    return (struct kr_question){.kind = c->kind, .of = c->of};
}
