/* Questions of the plan that wait for their turn. */
#ifndef KR_DNS_TODO_H
#define KR_DNS_TODO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ask_kind {
    ASK_MX,
    ASK_STS,
    ASK_TLSRPT,
    ASK_OWN_TLSA,
    ASK_MX_UNCHECKED, /* of a domain */
    ASK_TLSA,
    ASK_A,
    ASK_AAAA,
    ASK_ALIAS,
    ASK_EXPANDED, /* of a host */
    ASK_APEX,     /* of a zone */
    ASK_POLICY_A,
    ASK_POLICY_AAAA, /* of a policy */
    ASK_CHAIN,       /* what another asked, of the target of an alias */
    ASK_KINDS,
};
#define ASK_AGAIN 64u /* beside a kind: it was asked before, in vain */

struct todo {
    uint64_t *v; /* kind << 32 | of */
    size_t first, n, cap;
};
void kr_todo_add(struct todo *t, unsigned kind, uint32_t of);
bool kr_todo_take(struct todo *t, unsigned *kind, uint32_t *of);

#endif
