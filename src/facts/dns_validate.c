/* A tree of names, from the root down. Of each name it is known, sooner or later, whether it is a
 * zone with keys that a chain of DS records leads to (CUT), belongs to the zone above (SAME), lies
 * below a delegation that is proven to be unsigned (INSECURE), or none of that (BOGUS, FAILED). An
 * answer is judged by the keys of whoever signed it; one without signatures is insecure only when
 * the tree says so of its name. When a name is needed that is not yet known, the answer waits for
 * it, and is judged anew from the start. */
#include "dns_judge.h"

#include <kr/mem.h>

#include <string.h>

static const uint8_t root[1];

static void push(struct kr_validator *v, uint32_t kind, uint32_t node)
{
    v->asks = kr_grow(v->asks, &v->cap_asks, v->n_asks + 1, sizeof *v->asks);
    v->asks[v->n_asks++] = (struct node_ask){kind, node};
}

uint32_t kr_node_find(struct kr_validator *v, const uint8_t *name)
{
    bool fresh;
    uint32_t i = kr_name_table_add(&v->names, name, &fresh);
    if (!fresh)
        return i;
    v->nodes = kr_grow(v->nodes, &v->cap_nodes, v->names.n, sizeof *v->nodes);
    v->nodes[i] = (struct node){.parent = KR_NO_NAME, .waiting = KR_NO_NAME, .next = KR_NO_NAME};
    if (*name) {
        uint8_t copy[KR_NAME_MAX];
        const uint8_t *above = kr_name_parent(name);
        memcpy(copy, above, kr_name_len(above));
        uint32_t parent = kr_node_find(v, copy);
        v->nodes[i].parent = parent;
    }
    return i;
}

uint32_t kr_node_zone(const struct kr_validator *v, uint32_t i)
{
    while (v->nodes[i].state == NODE_SAME)
        i = v->nodes[i].parent;
    return i;
}

static void settle(struct kr_validator *v, uint32_t i, enum node_state state);

/* Its parent is known. */
static void start(struct kr_validator *v, uint32_t i)
{
    enum node_state above = v->nodes[kr_node_zone(v, v->nodes[i].parent)].state;
    if (above != NODE_CUT) {
        settle(v, i, above);
        return;
    }
    v->nodes[i].state = NODE_WAITS;
    push(v, KR_VALIDATOR_KINDS + ASK_DS, i);
}

/* Those that wait for it go on. */
static void settle(struct kr_validator *v, uint32_t i, enum node_state state)
{
    struct node *n = &v->nodes[i];
    n->state = (uint8_t)state;
    uint32_t child = n->waiting;
    n->waiting = KR_NO_NAME;
    for (struct job *j = n->jobs, *next; j; j = next) {
        next = j->next;
        j->next = v->ready;
        v->ready = j;
    }
    n->jobs = NULL;
    while (child != KR_NO_NAME) {
        uint32_t next = v->nodes[child].next;
        v->nodes[child].next = KR_NO_NAME;
        start(v, child);
        child = next;
    }
}

/* Sees to it that a node becomes known. */
static void want(struct kr_validator *v, uint32_t i)
{
    struct node *n = &v->nodes[i];
    if (n->state != NODE_NEW)
        return;
    if (n->parent == KR_NO_NAME) {
        n->state = NODE_WAITS;
        push(v, KR_VALIDATOR_KINDS + ASK_DNSKEY, i);
        return;
    }
    want(v, n->parent);
    if (v->nodes[n->parent].state >= NODE_KNOWN) {
        start(v, i);
        return;
    }
    n->state = NODE_WAITS;
    n->next = v->nodes[n->parent].waiting;
    v->nodes[n->parent].waiting = i;
}

bool kr_node_known(struct kr_validator *v, uint32_t i)
{
    want(v, i);
    return v->nodes[i].state >= NODE_KNOWN;
}

/* ---- DS and DNSKEY answers ---- */

static void ask_keys(struct kr_validator *v, uint32_t i, struct kr_keys *ds)
{
    v->nodes[i].keys = ds;
    push(v, KR_VALIDATOR_KINDS + ASK_DNSKEY, i);
}

/* The zone above has keys; what it says of the delegation is signed with them, or worth nothing. */
static void take_ds(struct kr_validator *v, uint32_t i, const struct kr_packet *p,
                    const struct kr_reply *r)
{
    uint8_t name[KR_NAME_MAX];
    const uint8_t *at = kr_name_table_get(&v->names, i);
    memcpy(name, at, kr_name_len(at));
    struct judging j = {.v = v, .p = p, .work = KR_WORK_MOST};
    uint32_t zone = kr_node_zone(v, v->nodes[i].parent);
    if (r->links) { /* an alias is no delegation */
        bool good = kr_judge_by_zone(&j, name, KR_DNS_CNAME, zone);
        settle(v, i, good ? NODE_SAME : NODE_BOGUS);
    } else if (r->kind == KR_REPLY_DATA) {
        struct kr_keys *ds = kr_keys_copy(p, name, KR_DNS_DS);
        bool good = ds && kr_judge_by_zone(&j, name, KR_DNS_DS, zone);
        if (good && kr_ds_known(ds, name)) {
            ask_keys(v, i, ds);
            return;
        }
        free(ds);
        settle(v, i, good ? NODE_INSECURE : NODE_BOGUS);
    } else {
        settle(v, i, kr_judge_no_ds(&j, name, zone, r->kind == KR_REPLY_NXDOMAIN));
    }
}

static void take_keys(struct kr_validator *v, uint32_t i, const struct kr_packet *p,
                      const struct kr_reply *r)
{
    uint8_t name[KR_NAME_MAX];
    const uint8_t *at = kr_name_table_get(&v->names, i);
    memcpy(name, at, kr_name_len(at));
    struct node *n = &v->nodes[i];
    struct judging j = {.v = v, .p = p, .work = KR_WORK_MOST};
    const struct kr_keys *anchors = *name ? n->keys : v->anchors->keys;
    struct kr_keys *all =
        r->kind == KR_REPLY_DATA && !r->links ? kr_keys_copy(p, name, KR_DNS_DNSKEY) : NULL;
    struct kr_keys *entry = all && anchors ? kr_keys_anchored(all, anchors) : NULL;
    bool good = entry && kr_judge_by_keys(&j, name, KR_DNS_DNSKEY, entry);
    free(entry);
    free(n->keys);
    n->keys = good ? all : NULL;
    if (!good)
        free(all);
    settle(v, i, good ? NODE_CUT : NODE_BOGUS);
}

/* ---- answers that are judged ---- */

static void attempt(struct kr_validator *v, struct job *job)
{
    struct judging j = {.v = v, .p = &job->p, .work = KR_WORK_MOST, .wait = KR_NO_NAME};
    enum kr_proof proof = kr_judge_answer(&j, job->q.name, &job->r);
    if (j.wait != KR_NO_NAME) {
        struct node *n = &v->nodes[j.wait];
        job->next = n->jobs;
        n->jobs = job;
        return;
    }
    v->judged(v->arg, &job->q, &job->p, &job->r, proof);
    free(job);
}

static void attempt_ready(struct kr_validator *v)
{
    while (v->ready) {
        struct job *job = v->ready;
        v->ready = job->next;
        attempt(v, job);
    }
}

void kr_validator_judge(struct kr_validator *v, const struct kr_question *q,
                        const struct kr_packet *p, const struct kr_reply *r)
{
    size_t n = kr_name_len(q->name);
    struct job *job = kr_calloc(1, sizeof *job + p->len + n);
    job->q = *q;
    job->r = *r;
    job->p = *p;
    memcpy(job->bytes, p->b, p->len);
    memcpy(job->bytes + p->len, q->name, n);
    job->p.b = job->bytes;
    job->q.name = job->bytes + p->len;
    attempt(v, job);
    attempt_ready(v);
}

bool kr_validator_next(struct kr_validator *v, struct kr_question *q)
{
    if (v->first_ask == v->n_asks) {
        v->first_ask = v->n_asks = 0;
        return false;
    }
    struct node_ask a = v->asks[v->first_ask++];
    *q = (struct kr_question){.name = kr_name_table_get(&v->names, a.node),
                              .type =
                                  a.kind == KR_VALIDATOR_KINDS + ASK_DS ? KR_DNS_DS : KR_DNS_DNSKEY,
                              .how = KR_ASK_DO | KR_ASK_CD,
                              .kind = a.kind,
                              .of = a.node};
    return true;
}

void kr_validator_take(struct kr_validator *v, const struct kr_question *q,
                       const struct kr_packet *p, const struct kr_reply *r)
{
    struct node *n = &v->nodes[q->of];
    bool fine =
        p && r->kind != KR_REPLY_FAILED && r->kind != KR_REPLY_BROKEN && r->kind != KR_REPLY_ALIAS;
    if (!fine && n->failures++ < 1)
        push(v, q->kind, q->of);
    else if (!fine)
        settle(v, q->of, NODE_FAILED);
    else if (q->kind == KR_VALIDATOR_KINDS + ASK_DS)
        take_ds(v, q->of, p, r);
    else
        take_keys(v, q->of, p, r);
    attempt_ready(v);
}

struct kr_validator *kr_validator_new(const struct kr_anchors *a, time_t now, kr_judged *judged,
                                      void *arg)
{
    struct kr_validator *v = kr_calloc(1, sizeof *v);
    v->anchors = a;
    v->now = now;
    v->judged = judged;
    v->arg = arg;
    kr_node_find(v, root);
    return v;
}

void kr_validator_begin(struct kr_validator *v)
{
    want(v, 0);
}

enum kr_proof kr_validator_root(const struct kr_validator *v)
{
    return v->nodes[0].state == NODE_CUT ? KR_PROOF_SECURE : KR_PROOF_BOGUS;
}

/* Answers that still wait are thrown away with it. */
void kr_validator_free(struct kr_validator *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->names.n; i++) {
        free(v->nodes[i].keys);
        for (struct job *j = v->nodes[i].jobs, *next; j; j = next) {
            next = j->next;
            free(j);
        }
    }
    free(v->nodes);
    free(v->asks);
    kr_name_table_free(&v->names);
    free(v);
}
