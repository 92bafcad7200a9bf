/* A policy file: compiled or refused with a reason, and then good for lookups and for its own
 * texts, which must be replies. */
#include "../../src/sink/policy.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct kr_answers *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct kr_answer *a = &l->v[i];
        size_t line = 0;
        if (a->len < 6 || memcmp(a->wire + a->len - 2, "\r\n", 2) != 0 ||
            a->wire[0] - '0' != a->code / 100)
            abort();
        for (size_t k = 0; k < a->len; k++) {
            line = k && a->wire[k - 1] == '\n' ? 1 : line + 1;
            if (line > 512 || (a->wire[k] == '\n' && (k == 0 || a->wire[k - 1] != '\r')))
                abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct kr_policy_how how;
    struct kr_err e = {0};
    struct kr_addr a = {.b = {0xff}};
    char *text = malloc(size ? size : 1);
    if (size)
        memcpy(text, data, size);
    struct kr_policy *p = kr_policy_read("f", text, size, &how, &e);
    if (!p && (!e.msg[0] || e.exit != KR_USAGE))
        abort();
    for (size_t i = 0; p && i < p->sites; i++) {
        check(&p->site[i]->bounces);
        check(&p->site[i]->defers);
    }
    if (p) {
        kr_policy_by_domain(p, text, size);
        kr_policy_by_mx(p, &a);
        kr_policy_by_mx_name(p, "mx.example");
    }
    kr_policy_drop(p);
    free(text);
    return 0;
}
