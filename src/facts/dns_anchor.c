#include "dns_anchor.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>

/* Adds a record of the root that stands for keys. */
static void add(struct kr_anchors *a, const ldns_rr *rr)
{
    uint8_t *wire = NULL;
    size_t len = 0;
    ldns_rr_type t = ldns_rr_get_type(rr);
    if ((t != LDNS_RR_TYPE_DNSKEY && t != LDNS_RR_TYPE_DS) ||
        ldns_dname_label_count(ldns_rr_owner(rr)) != 0 ||
        ldns_rr2wire(&wire, rr, LDNS_SECTION_ANSWER, &len) != LDNS_STATUS_OK)
        return;
    struct kr_keys *grown = kr_calloc(1, sizeof *grown + a->keys->len + len);
    memcpy(grown, a->keys, sizeof *grown + a->keys->len);
    memcpy(grown->wire + grown->len, wire, len);
    grown->len += len;
    grown->n++;
    free(a->keys);
    free(wire);
    a->keys = grown;
}

struct kr_anchors *kr_anchors_read(const char *path, struct kr_err *e)
{
    FILE *f = fopen(path, "re");
    if (!f) {
        kr_fail(e, KR_CANNOT, errno, "%s", path);
        return NULL;
    }
    struct kr_anchors *a = kr_calloc(1, sizeof *a);
    a->keys = kr_calloc(1, sizeof *a->keys);
    uint32_t ttl = 3600;
    ldns_rdf *origin = ldns_dname_new_frm_str("."), *before = NULL;
    int line = 0;
    ldns_status s = LDNS_STATUS_OK;
    while (!feof(f) && s != LDNS_STATUS_SYNTAX_ERR) {
        ldns_rr *rr = NULL;
        s = ldns_rr_new_frm_fp_l(&rr, f, &ttl, &origin, &before, &line);
        if (s == LDNS_STATUS_OK && rr)
            add(a, rr);
        ldns_rr_free(rr);
    }
    ldns_rdf_deep_free(origin);
    ldns_rdf_deep_free(before);
    fclose(f);
    if (a->keys->n)
        return a;
    kr_anchors_free(a);
    kr_fail(e, KR_CANNOT, 0, "%s: no DNSKEY or DS record of the root", path);
    return NULL;
}

void kr_anchors_free(struct kr_anchors *a)
{
    if (a)
        free(a->keys);
    free(a);
}
