/* What is read as text: MTA-STS and TLSRPT records, resolv.conf, domains. */
#include <kr/dns_domains.h>
#include <kr/dns_resolvconf.h>
#include <kr/dns_txt.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void text_records(const char *s, size_t n)
{
    struct kr_txt_set sts = {0}, rpt = {0};
    kr_sts_take(&sts, s, n);
    kr_tlsrpt_take(&rpt, s, n);
    bool begins = n >= 8 && memcmp(s, "v=STSv1;", 8) == 0;
    if (sts.valid && (!begins || !*sts.id ||
                      strspn(sts.id, "0123456789abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(sts.id)))
        abort();
    if (begins && sts.valid + sts.malformed != 1)
        abort();
}

static void resolv_conf(const char *s, size_t n)
{
    struct kr_resolvconf c;
    kr_resolvconf_parse(s, n, &c);
    if (c.n < 1 || c.n > KR_DNS_SERVERS || c.timeout < 1 || c.timeout > 30 || c.attempts < 1 ||
        c.attempts > 5)
        abort();
}

/* A domain that is taken is taken again in the form it was given, and means the same. */
static void domain(const char *s)
{
    uint8_t name[KR_NAME_MAX], again[KR_NAME_MAX];
    char text[KR_NAME_TEXT];
    struct kr_dns_server server;
    kr_dns_server_parse(s, &server, NULL);
    if (kr_domain_read(s, name))
        return;
    if (kr_domain_read(kr_name_text(name, text), again) || !kr_name_equal(name, again))
        abort();
    if (kr_name_under("_smtp._tls", name, again))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *s = malloc(size + 1);
    if (!s)
        return 0;
    memcpy(s, data, size);
    s[size] = '\0';
    text_records(s, size);
    resolv_conf(s, size);
    domain(s);
    free(s);
    return 0;
}
