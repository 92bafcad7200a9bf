/* The balance: a record for each way of not being equal, and one for each way of not knowing. */
#include "../base/cmocka_all.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/run_balance.h>
#include <kr/run_record.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "GROUP.NAME" of a number, or "!GROUP" for a group that is not known, or "@OUTCOME". */
struct set {
    const char *name;
    uint64_t n;
};
struct row {
    const char *about;
    struct set set[8]; /* over the good record */
    const char *id;
    enum kr_balanced is;
    const char *said; /* what the row has to tell */
};

/* 1,000 were sent: 900 accepted, 60 refused, 40 queued; with a Postfix. */
static const struct set good[] = {
    {"generator.sent", 1000},
    {"generator.failed", 0},
    {"generator.us", 10000000},
    {"sink.messages", 900},
    {"sink.messages_refused", 60},
    {"sink.messages_deferred", 70},
    {"sink.recipients", 900},
    {"sink.recipients_refused", 60},
    {"sink.recipients_deferred", 70},
    {"sink.redirected_v4", 30},
    {"sink.redirected_v6", 10},
    {"sink.not_redirected", 0},
    {"sink.workers", 2},
    {"guards.redirected_v4", 30},
    {"guards.redirected_v6", 10},
    {"guards.exempt_lan", 0},
    {"guards.blocked_output", 0},
    {"conntrack.drop", 0},
    {"conntrack.early_drop", 0},
    {"conntrack.insert_failed", 0},
    {"softnet.dropped", 0},
    {"cpu.sink_us", 600000},
    {"queue.before", 0},
    {"queue.after", 40},
    {"queue.moving", 0},
};

static const struct row rows[] = {
    {"all is well",
     {{0}},
     "messages",
     KR_BAL_HOLDS,
     "sent 1000 = accepted 900 + refused 60 + 40 queued"},
    {"all is well", {{0}}, "messages", KR_BAL_HOLDS, "deferred 70 times"},
    {"lost", {{"queue.after", 30}}, "messages", KR_BAL_BROKEN, "10 are missing"},
    {"lost all",
     {{"sink.recipients", 0}, {"queue.after", 0}},
     "messages",
     KR_BAL_BROKEN,
     "940 are missing"},
    {"bounces", {{"sink.recipients", 950}}, "messages", KR_BAL_EXPLAINED, "50 more"},
    {"bounces that the sink knew",
     {{"sink.recipients", 950}, {"sink.reports", 50}},
     "messages",
     KR_BAL_HOLDS,
     "accepted 900 + refused 60 + 40 queued; deferred 70 times; and 50 of the MTA's own, about "
     "refusals"},
    {"some were refused",
     {{"sink.recipients", 930},
      {"sink.reports", 30},
      {"sink.recipients_refused", 80},
      {"sink.reports_refused", 20}},
     "messages",
     KR_BAL_HOLDS,
     "accepted 900 + refused 60 + 40 queued"},
    {"some are queued still",
     {{"sink.recipients", 950}, {"sink.reports", 50}, {"queue.after", 50}},
     "messages",
     KR_BAL_EXPLAINED,
     "10 more than were sent: the MTA's own messages about refusals that are queued still (at most "
     "10)"},
    {"more than can be queued",
     {{"sink.recipients", 950}, {"sink.reports", 50}, {"queue.after", 51}},
     "messages",
     KR_BAL_BROKEN,
     "11 more"},
    {"bounces hide nothing",
     {{"sink.recipients", 940}, {"sink.reports", 50}},
     "messages",
     KR_BAL_UNKNOWN,
     "10 are missing, unless"},
    {"nor more than there are",
     {{"sink.recipients", 949}, {"sink.reports", 50}, {"queue.after", 0}, {"generator.sent", 1001}},
     "messages",
     KR_BAL_UNKNOWN,
     "42 are missing"},
    {"more are missing than there are bounces",
     {{"sink.recipients", 910}, {"sink.reports", 10}, {"queue.after", 20}},
     "messages",
     KR_BAL_BROKEN,
     "20 are missing"},
    {"a generator that sends as nobody",
     {{"sink.reports", 900}, {"sink.reports_refused", 60}},
     "messages",
     KR_BAL_HOLDS,
     "accepted 900 + refused 60 + 40 queued"},
    {"more than there can be bounces",
     {{"sink.recipients", 961}},
     "messages",
     KR_BAL_BROKEN,
     "61 more"},
    {"an answer was lost",
     {{"sink.recipients", 961}, {"generator.failed", 1}},
     "messages",
     KR_BAL_EXPLAINED,
     "at most 1)"},
    {"deliveries go on",
     {{"queue.after", 30}, {"queue.moving", 10}},
     "messages",
     KR_BAL_EXPLAINED,
     "meanwhile"},
    {"in the queue still, and at the sink already",
     {{"queue.after", 45}, {"queue.moving", 2}, {"queue.running", 3}},
     "messages",
     KR_BAL_EXPLAINED,
     "differs by 5: deliveries"},
    {"which hides nothing that is missing",
     {{"queue.after", 37}, {"queue.moving", 2}, {"queue.running", 3}},
     "messages",
     KR_BAL_BROKEN,
     "3 are missing"},
    {"with bounces in the queue",
     {{"queue.after", 103}, {"queue.running", 3}},
     "messages",
     KR_BAL_EXPLAINED,
     "63 more"},
    {"more than all of that",
     {{"queue.after", 104}, {"queue.running", 3}},
     "messages",
     KR_BAL_BROKEN,
     "nothing explains more than 63"},
    {"more than went on",
     {{"queue.after", 29}, {"queue.moving", 10}},
     "messages",
     KR_BAL_BROKEN,
     "11 are missing"},
    {"a queue before",
     {{"queue.before", 500}, {"queue.after", 540}},
     "messages",
     KR_BAL_HOLDS,
     "(500 before)"},
    {"several recipients",
     {{"generator.recipients", 1000}, {"generator.sent", 250}},
     "messages",
     KR_BAL_HOLDS,
     "sent 1000"},
    {"the queue is unknown",
     {{"!queue", 0}},
     "messages",
     KR_BAL_UNKNOWN,
     "40 are queued still or lost"},
    {"an equal sum proves nothing",
     {{"!queue", 0}, {"sink.recipients", 940}},
     "messages",
     KR_BAL_UNKNOWN,
     "0 left over"},
    {"but when nothing can hide",
     {{"!queue", 0}, {"sink.recipients", 1000}, {"sink.recipients_refused", 0}},
     "messages",
     KR_BAL_HOLDS,
     "accepted 1000"},
    {"too many, queue unknown",
     {{"!queue", 0}, {"sink.recipients", 2000}},
     "messages",
     KR_BAL_BROKEN,
     "more than were sent"},
    {"no generator", {{"!generator", 0}}, "messages", KR_BAL_UNKNOWN, "generator is not known"},
    {"no sink", {{"!sink", 0}}, "messages", KR_BAL_UNKNOWN, "sink is not known"},
    {"neither",
     {{"!sink", 0}, {"!generator", 0}},
     "messages",
     KR_BAL_UNKNOWN,
     "; the sink is not known"},
    {"failures", {{"generator.failed", 3}}, "generator", KR_BAL_BROKEN, "3 as failed of 1003"},
    {"nothing was sent", {{"generator.sent", 0}}, "generator", KR_BAL_BROKEN, "sent nothing"},
    {"no generator", {{"!generator", 0}}, "generator", KR_BAL_UNKNOWN, "not known"},
    {"lost connections", {{"sink.redirected_v4", 25}}, "connections", KR_BAL_BROKEN, "5 were lost"},
    {"on their way",
     {{"sink.redirected_v4", 25}, {"queue.moving", 2}, {"queue.running", 3}},
     "connections",
     KR_BAL_EXPLAINED,
     "differs by 5"},
    {"counted later",
     {{"sink.redirected_v4", 32}, {"queue.running", 2}},
     "connections",
     KR_BAL_EXPLAINED,
     "differs by 2"},
    {"more than are on their way",
     {{"sink.redirected_v4", 24}, {"queue.moving", 2}, {"queue.running", 3}},
     "connections",
     KR_BAL_BROKEN,
     "6 were lost"},
    {"more than ours", {{"sink.redirected_v6", 11}}, "connections", KR_BAL_BROKEN, "1 more"},
    {"a full sink",
     {{"sink.redirected_v4", 25}, {"sink.refused_busy", 5}},
     "connections",
     KR_BAL_BROKEN,
     "turned 5 away"},
    {"no counters", {{"!guards", 0}}, "connections", KR_BAL_UNKNOWN, "guards is not known"},
    {"by another way", {{"sink.not_redirected", 2}}, "not-redirected", KR_BAL_BROKEN, "2 came"},
    {"providers",
     {{"sink.messages", 899}},
     "providers",
     KR_BAL_BROKEN,
     "900 by provider, 899 in all"},
    {"a policy that came later",
     {{"sink.messages", 901}},
     "providers",
     KR_BAL_EXPLAINED,
     "1 of 901 were not"},
    {"guards at work",
     {{"guards.blocked_output", 7}, {"guards.blocked_egress", 2}},
     "blocked",
     KR_BAL_NOTED,
     "blocked_output 7 packets, blocked_egress 2 packets"},
    {"sink from outside",
     {{"guards.sink_from_outside", 7}},
     "blocked",
     KR_BAL_NOTED,
     "sink_from_outside 7"},
    {"exempt", {{"guards.exempt_lan", 9}}, "exempt", KR_BAL_NOTED, "9 packets"},
    {"a full table", {{"conntrack.drop", 4}}, "losses", KR_BAL_BROKEN, "full for 4 packets"},
    {"small losses",
     {{"conntrack.early_drop", 4}, {"softnet.dropped", 2}},
     "losses",
     KR_BAL_NOTED,
     "4 entries early; the kernel's backlog dropped 2"},
    {"losses unknown", {{"!conntrack", 0}}, "losses", KR_BAL_UNKNOWN, "not known"},
    {"a busy sink", {{"cpu.sink_us", 19000000}}, "headroom", KR_BAL_BROKEN, "190 % of a core"},
    {"an idle sink", {{0}}, "headroom", KR_BAL_HOLDS, "6.0 % of a core"},
    {"time unknown", {{"!cpu", 0}}, "headroom", KR_BAL_UNKNOWN, "not known"},
    {"a breach",
     {{"@breach", KR_RUN_BREACH}},
     "gate",
     KR_BAL_BROKEN,
     "0 breaches: somebody did it"},
    {"refused", {{"@refused", KR_RUN_REFUSED}}, "gate", KR_BAL_BROKEN, "refused: somebody did it"},
    {"with the suffix", {{"@kept", KR_RUN_KEPT}}, "gate", KR_BAL_NOTED, "kept its suffix"},
    /* without an MTA, the generator meets the sink itself */
    {"direct",
     {{"-mta", 0}, {"queue.after", 0}, {"generator.sent", 900}, {"generator.failed", 130}},
     "messages",
     KR_BAL_HOLDS,
     "no MTA is here"},
    {"direct",
     {{"-mta", 0}, {"queue.after", 0}, {"generator.sent", 900}, {"generator.failed", 130}},
     "generator",
     KR_BAL_EXPLAINED,
     "as the sink answered"},
    {"direct, lost",
     {{"-mta", 0}, {"queue.after", 0}, {"generator.sent", 901}, {"generator.failed", 130}},
     "messages",
     KR_BAL_BROKEN,
     "1 are missing"},
    {"direct, unheard",
     {{"-mta", 0}, {"queue.after", 0}, {"generator.sent", 899}, {"generator.failed", 131}},
     "messages",
     KR_BAL_EXPLAINED,
     "1 were accepted"},
    {"direct, made up",
     {{"-mta", 0}, {"queue.after", 0}, {"generator.sent", 800}, {"generator.failed", 10}},
     "messages",
     KR_BAL_BROKEN,
     "100 more"},
    {"direct, again",
     {{"-mta", 0}, {"queue.after", 0}, {"generator.sent", 900}, {"generator.failed", 100}},
     "messages",
     KR_BAL_EXPLAINED,
     "30 were tried again"},
    {"direct, elsewhere",
     {{"-mta", 0}, {"queue.after", 0}, {"generator.sent", 900}, {"generator.failed", 140}},
     "messages",
     KR_BAL_EXPLAINED,
     "10 failed without"},
};

static enum kr_run_group group_of(const char *name, size_t n)
{
    for (unsigned g = 0; g < KR_RUN_GROUPS; g++)
        if (strlen(kr_run_group_name(g)) == n && strncmp(kr_run_group_name(g), name, n) == 0)
            return g;
    fail_msg("no group %s", name);
    return 0;
}

static void apply(struct kr_run *r, const struct set *s)
{
    size_t n = strcspn(s->name, ".");
    if (*s->name == '!') {
        struct kr_run_facts *f = &r->facts[group_of(s->name + 1, strlen(s->name + 1))];
        f->known = false;
        f->n.n = 0;
    } else if (*s->name == '@') {
        r->outcome = (enum kr_run_outcome)s->n;
        snprintf(r->reason, sizeof r->reason, "somebody did it");
    } else if (*s->name == '-') {
        kr_texts_free(&r->mtas);
    } else {
        kr_numbers_set(&r->facts[group_of(s->name, n)].n, s->name + n + 1, s->n);
    }
}

static void make_good(struct kr_run *r)
{
    *r = (struct kr_run){.seconds = 10, .host.cpus = 2, .status = 0};
    for (unsigned g = 0; g < KR_RUN_GROUPS; g++)
        r->facts[g].known = true;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        apply(r, &good[i]);
    kr_texts_add(&r->mtas, "Postfix (process 1)");
    r->providers = kr_calloc(1, sizeof *r->providers);
    r->n_providers = 1;
    snprintf(r->providers->name, sizeof r->providers->name, "gmail");
    kr_numbers_set(&r->providers->n, "messages", 900);
    kr_numbers_set(&r->providers->n, "messages_refused", 60);
    kr_numbers_set(&r->providers->n, "messages_deferred", 70);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *w = &rows[i];
        struct kr_balance b;
        struct kr_run r;
        make_good(&r);
        for (const struct set *s = w->set; s->name; s++)
            apply(&r, s);
        kr_run_balance(&r, &b);
        for (size_t k = 0; k < b.n; k++)
            if (strcmp(b.v[k].id, w->id) == 0 &&
                (b.v[k].is != w->is || !strstr(b.v[k].text, w->said)))
                fail_msg("%s: %s is %s: %s", w->about, w->id, kr_balanced_name(b.v[k].is),
                         b.v[k].text);
        assert_true(b.worst >= w->is);
        kr_run_free(&r);
    }
}

/* Nothing that is unknown, in whatever group, lets all rows hold. */
static void test_unknown(void **state)
{
    (void)state;
    for (unsigned g = 0; g < KR_RUN_GROUPS; g++) {
        struct kr_balance b;
        struct kr_run r;
        make_good(&r);
        r.facts[g].known = false;
        kr_run_balance(&r, &b);
        if (b.worst != KR_BAL_UNKNOWN)
            fail_msg("without %s: %s", kr_run_group_name(g), kr_balanced_name(b.worst));
        assert_int_equal(kr_run_exit(&r, &b), KR_UNKNOWN);
        kr_run_free(&r);
    }
}

/* The sink's processor time is told over the seconds in which it worked. */
static void test_headroom(void **state)
{
    static const struct {
        double seconds;
        struct {
            uint64_t us, cpu;
        } samples[5]; /* of none: the run as a whole */
        enum kr_balanced is;
        const char *said;
    } cases[] = {
        {0.3, {{0}}, KR_BAL_NOTED, "worked for 0.3 s, too short to say"},
        {0, {{0}}, KR_BAL_NOTED, "too short to say"},
        {1, {{0}}, KR_BAL_HOLDS, "60 % of a core"},
        {0.1, {{100000, 553000}}, KR_BAL_NOTED, "worked for 0.1 s, too short to say"},
        {60, {{500000, 400000}, {60000000, 400000}}, KR_BAL_NOTED, "worked for 0.5 s"},
        {4,
         {{1000000, 0}, {3000000, 600000}, {4000000, 600000}},
         KR_BAL_HOLDS,
         "30 % of a core in the 2.0 s"},
        {4,
         {{2000000, UINT64_MAX}, {4000000, 600000}},
         KR_BAL_HOLDS,
         "30 % of a core in the 2.0 s"},
        {2, {{1000000, 90000}, {2000000, 180000}}, KR_BAL_HOLDS, "9.0 % of a core"},
        {99,
         {{10000000, 19000000}, {99000000, 19000000}},
         KR_BAL_BROKEN,
         "190 % of a core in the 10.0 s it worked, of 2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kr_balance b;
        struct kr_run r;
        make_good(&r);
        r.seconds = cases[i].seconds;
        r.samples.v = kr_calloc(5, sizeof *r.samples.v);
        for (; r.samples.n < 5 && cases[i].samples[r.samples.n].us; r.samples.n++) {
            r.samples.v[r.samples.n][KR_RUN_AT_us] = cases[i].samples[r.samples.n].us;
            r.samples.v[r.samples.n][KR_RUN_AT_sink_cpu] = cases[i].samples[r.samples.n].cpu;
        }
        kr_run_balance(&r, &b);
        for (size_t k = 0; k < b.n; k++)
            if (strcmp(b.v[k].id, "headroom") == 0 &&
                (b.v[k].is != cases[i].is || !strstr(b.v[k].text, cases[i].said)))
                fail_msg("%zu: %s: %s", i, kr_balanced_name(b.v[k].is), b.v[k].text);
        kr_run_free(&r);
    }
}

static void test_exit(void **state)
{
    struct kr_balance b;
    struct kr_run r;
    (void)state;
    make_good(&r);
    kr_run_balance(&r, &b);
    assert_int_equal(b.worst, KR_BAL_HOLDS);
    assert_int_equal(kr_run_exit(&r, &b), KR_OK);
    kr_numbers_set(&r.facts[KR_RUN_queue].n, "after", 0);
    kr_run_balance(&r, &b);
    assert_int_equal(kr_run_exit(&r, &b), KR_UNSAFE);
    r.breaches = 1;
    kr_run_balance(&r, &b);
    assert_int_equal(kr_run_exit(&r, &b), KR_BREACH);
    kr_run_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_unknown),
                                       cmocka_unit_test(test_headroom),
                                       cmocka_unit_test(test_exit)};
    return cmocka_run_group_tests_name("account_balance", tests, NULL, NULL);
}
