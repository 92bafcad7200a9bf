/* Signatures of the sets of records in a message, and the keys they are verified with. */
#ifndef KR_DNS_RRSET_H
#define KR_DNS_RRSET_H

#include <kr/dns_wire.h>

#include <time.h>

#define KR_SIGS_MOST 4 /* of one set, and keys of one tag: KeyTrap (CVE-2023-50387) */
#define KR_KEYS_MOST 32

/* Keys or DS records, each whole as on the wire behind its owner's name. */
struct kr_keys {
    size_t n, len;
    uint8_t wire[];
};

struct kr_sig {
    struct kr_record rec;
    uint8_t signer[KR_NAME_MAX];
    uint8_t algorithm, labels;
    uint16_t tag;
};
/* The signatures over a set, of known algorithms, by signers at or above its owner; at most
 * KR_SIGS_MOST. *any: there are signatures at all. */
size_t kr_sigs_find(const struct kr_packet *p, const uint8_t *owner, uint16_t type, int section,
                    struct kr_sig v[static KR_SIGS_MOST], bool *any);
/* Is the set signed by one of the keys, at this time? *work: counted down by each try; 0: no more.
 */
bool kr_sig_good(const struct kr_packet *p, const uint8_t *owner, uint16_t type, int section,
                 const struct kr_sig *sig, const struct kr_keys *keys, time_t now, int *work);
/* Copies the records of a type at a name out of a message's answers; malloc'ed, NULL: none. */
struct kr_keys *kr_keys_copy(const struct kr_packet *p, const uint8_t *owner, uint16_t type);
/* Of DS records those of known algorithm and digest remain; false: none does. */
bool kr_ds_known(struct kr_keys *ds, const uint8_t *owner);
/* The keys that a DS record or an anchor stands for; NULL: none. */
struct kr_keys *kr_keys_anchored(const struct kr_keys *keys, const struct kr_keys *anchors);

#endif
