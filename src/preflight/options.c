#include "worker.h"

#include <kr/dns_plan.h>
#include <kr/opt.h>
#include <kr/start.h>

#include <stddef.h>

#define AT(field) offsetof(struct worker_options, field)
static const struct kr_opt rows[] = {
    {.name = "input", .kind = KR_OPT_LIST, .offset = AT(inputs), .arg = "FD:LABEL"},
    {.name = "resolver", .kind = KR_OPT_LIST, .offset = AT(resolvers), .arg = "ADDR"},
    {.name = "anchor", .kind = KR_OPT_STRING, .offset = AT(anchor), .arg = "FILE"},
    {.name = "exempt", .kind = KR_OPT_STRING, .offset = AT(exempt), .arg = "PREFIX..."},
    {.name = "trust-ad", .kind = KR_OPT_FLAG, .offset = AT(trust_ad)},
    {.name = "own-tlsa", .kind = KR_OPT_FLAG, .offset = AT(own_tlsa)},
    {.name = "sink", .kind = KR_OPT_LIST, .offset = AT(sinks), .arg = "ADDR[-ADDR]:PORT"},
    {.name = "fetch-policy", .kind = KR_OPT_FLAG, .offset = AT(policies)},
    {.name = "fetcher", .kind = KR_OPT_UINT, .offset = AT(fetcher), .max = 65535, .arg = "FD"},
    {.name = "seconds", .kind = KR_OPT_UINT, .offset = AT(seconds), .max = 600, .arg = "N"},
    {.name = "address-asks",
     .kind = KR_OPT_UINT,
     .offset = AT(address_asks),
     .max = KR_ADDRESS_ASKS_ALL,
     .arg = "N"},
    {.name = "qps", .kind = KR_OPT_UINT, .offset = AT(qps), .max = 100000000, .arg = "N"},
    {.name = "jobs", .kind = KR_OPT_UINT, .offset = AT(jobs), .max = 65000, .arg = "N"},
};
static const struct kr_opt_table table = {rows, sizeof rows / sizeof *rows};

int worker_options_read(int argc, char **argv, struct worker_options *o, struct kr_err *e)
{
    return kr_start_options(&table, argc, argv, o, e);
}

void worker_options_free(struct worker_options *o)
{
    kr_strlist_free(&o->inputs);
    kr_strlist_free(&o->resolvers);
    kr_strlist_free(&o->sinks);
}
