#include <kr/dns_hazard.h>

#include <assert.h>
#include <stddef.h>

const struct kr_hazard_text kr_hazard_texts[KR_HAZARDS] = {
    [KR_HAZARD_DANE] =
        {"dane", "DANE: only a certificate that matches the TLSA records will do",
         "switch DANE off for the test: Postfix smtp_tls_security_level = may; KumoMTA "
         "enable_dane = false; Exim hosts_try_dane ="},
    [KR_HAZARD_DANE_ENCRYPT] =
        {"dane-unusable", "DANE with no usable TLSA record: TLS is mandatory, unauthenticated",
         "let the sink offer STARTTLS, or switch DANE off for the test"},
    [KR_HAZARD_HALF_DANE] = {"half-dane",
                             "an unsigned domain whose MX host has DANE; Postfix honours it",
                             "Postfix: smtp_tls_security_level = may, or "
                             "smtp_tls_dane_insecure_mx_policy = may"},
    [KR_HAZARD_DANE_LOOKUP] = {"dane-lookup", "the TLSA lookup fails: mail is deferred",
                               "switch DANE off for the test, or leave these domains out"},
    [KR_HAZARD_UNJUDGED] =
        {"dane-unjudged", "TLSA records that nobody could judge",
         "ask a validating resolver on this host, or one that passes signatures"},
    [KR_HAZARD_STS] =
        {"mta-sts",
         "MTA-STS: a policy in mode enforce needs a trusted certificate that "
         "names the MX host",
         "KumoMTA: enable_mta_sts = false, in later builds also "
         "kumo.dns.set_mta_sts_enabled(false); Postfix: leave the plugin out; a cached "
         "policy stays until its max_age is over or the MTA is restarted"},
    [KR_HAZARD_STS_ODD] = {"mta-sts-malformed",
                           "a malformed or doubled MTA-STS record, on which some MTAs act",
                           "switch MTA-STS off for the test"},
    [KR_HAZARD_STS_LOOKUP] = {"mta-sts-lookup", "the MTA-STS lookup fails: is there a policy?",
                              "ask again, or switch MTA-STS off for the test"},
    [KR_HAZARD_STS_FETCH] = {"mta-sts-fetch", "the MTA-STS policy can't be told: does it enforce?",
                             "try again, or switch MTA-STS off for the test"},
    [KR_HAZARD_TLS] =
        {"tls", "the MTA's own settings ask for TLS that the sink does not offer",
         "KumoMTA: enable_tls = 'OpportunisticInsecure' on every path, providers included; "
         "remember_broken_tls = nil"},
    [KR_HAZARD_DNS] = {"dns", "the MX lookup fails: mail is deferred, in production too",
                       "leave these domains out"},
    [KR_HAZARD_ADDRESS] = {"address-lookup", "the lookup of an MX host's address fails",
                           "ask again, or leave these domains out"},
    [KR_HAZARD_UNASKED] =
        {"address-unasked",
         "addresses of MX hosts were not asked for, since there are so many: is one inside?",
         "--all-addresses asks for all of them"},
    [KR_HAZARD_MORE] = {"more-hosts", "there are more MX hosts than the 64 that were looked at",
                        "leave these domains out"},
    [KR_HAZARD_NO_MAIL] = {"no-mail", "the domain takes no mail or is not there: mail bounces",
                           "leave these domains out"},
    [KR_HAZARD_NO_ADDRESS] = {"no-address", "an MX host has no address", "leave these domains out"},
    [KR_HAZARD_INSIDE] =
        {"inside",
         "an MX host has a loopback, private or link-local address, or one that the "
         "redirect leaves alone: mail may meet a real server inside",
         "leave these domains out; kumo-redirect up --lan none"},
    [KR_HAZARD_TLSRPT] = {"tlsrpt",
                          "TLSRPT: an MTA may mail failure reports about the test to the domain",
                          "Postfix 3.10 and later: smtp_tlsrpt_enable = no"},
    [KR_HAZARD_ROUTE] =
        {"route",
         "the MTA sends this mail by something else than SMTP to port 25 of the MX "
         "hosts",
         "take the route out of the MTA's configuration; kumo-redirect verify names "
         "its line"},
    [KR_HAZARD_SETTINGS] = {"settings", "how the MTA is set for these domains could not be told",
                            "see what it was asked (MTA, above) and why it did not answer; "
                            "--mta-asks N lets more domains be asked"},
};
static_assert(sizeof kr_hazard_texts / sizeof *kr_hazard_texts == KR_HAZARDS, "a text for each");
