#include <kr/sink_tally.h>

#include <kr/mem.h>
#include <kr/sink_session.h>

#define CODES_MOST \
    1024u /* of one connection; a client that wants to see more is not kept count of */

void kr_tally(struct kr_sink_ctx *x, enum kr_sink_counter which, int64_t by)
{
    kr_sink_add(x->stats, which, by);
    if (x->account)
        x->account->counter[which] += (uint64_t)by;
}

void kr_tally_recipients(struct kr_sink_ctx *x, const struct kr_sink_session *s,
                         enum kr_outcome what, uint32_t n)
{
    static const struct {
        enum kr_sink_counter all, reports;
    } counters[KR_OUTCOMES] = {
        [KR_ACCEPTED] = {KR_SINK_recipients, KR_SINK_reports},
        [KR_REFUSED] = {KR_SINK_recipients_refused, KR_SINK_reports_refused},
        [KR_DEFERRED] = {KR_SINK_recipients_deferred, KR_SINK_reports_deferred}};
    if (!n)
        return;
    kr_tally(x, counters[what].all, n);
    if (s->report)
        kr_tally(x, counters[what].reports, n);
}

static void note(struct kr_account *a, unsigned provider, unsigned code)
{
    for (size_t i = 0; i < a->codes; i++)
        if (a->code[i].provider == provider && a->code[i].code == code) {
            a->code[i].times++;
            return;
        }
    if (a->codes == CODES_MOST)
        return;
    a->code = kr_grow(a->code, &a->code_cap, a->codes + 1, sizeof *a->code);
    a->code[a->codes++] = (struct kr_tally_code){(uint16_t)provider, (uint16_t)code, 1};
}

void kr_tally_reply(struct kr_sink_ctx *x, unsigned code)
{
    kr_sink_reply_code(x->stats, code);
    if (x->account)
        note(x->account, KR_TALLY_NOBODY, code);
}

void kr_tally_provider(struct kr_sink_ctx *x, unsigned provider, unsigned code)
{
    kr_sink_provider_code(x->stats, provider, code);
    if (x->account)
        note(x->account, provider, code);
}

void kr_account_free(struct kr_account *a)
{
    if (!a)
        return;
    free(a->code);
    free(a->name);
    free(a->hello);
    free(a);
}
