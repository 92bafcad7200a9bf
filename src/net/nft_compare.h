/* Rules as netlink messages: written for loading, and compared with what the kernel returns. */
#ifndef KR_NFT_COMPARE_H
#define KR_NFT_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

struct kr_nft_rule;
struct nlmsghdr;

/* Puts table, chain, comment and expressions of a rule into a message. */
void kr_nft_rule_put(struct nlmsghdr *m, const struct kr_nft_rule *r);

/* A lookup: the set that was meant (its name, and its id in the transaction, 0 when it is a named
 * one of elsewhere) and the name the kernel has. */
struct kr_nft_lookup {
    const struct kr_nft_rule *rule;
    const char *want, *found;
    uint32_t id;
    void *arg;
};
/* True when the set found is the one meant; else *what says what is different. */
typedef bool (*kr_nft_lookup_cb)(const struct kr_nft_lookup *l, const char **what);

/* Compares a rule with a message of the kernel: comment, number and order of expressions, and each
 * attribute of each, from the netlink attributes themselves, since libnftnl passes over what it
 * does not know. An attribute or expression that is not in the table of those we use is a
 * difference. Otherwise `why` says the first one: "expression 2 (cmp): data is 0x11, not 0x06". */
bool kr_nft_rule_equal(const struct kr_nft_rule *want, const struct nlmsghdr *got,
                       kr_nft_lookup_cb same_set, void *arg, char why[static 200]);
/* A string attribute of a rule's message, or NULL; its handle. */
const char *kr_nft_rule_attr_str(const struct nlmsghdr *m, uint16_t type);
unsigned long long kr_nft_rule_handle(const struct nlmsghdr *m);

#endif
