#include <kr/survivors.h>

#include <kr/mta.h>
#include <kr/queue.h>

#include <string.h>

const struct kr_survivor kr_survivors[] = {
    {"kumomta",
     "remember_broken_tls: real sites whose TLS the sink seemed to break are talked to in "
     "clear, for 3 days as shipped",
     "systemctl restart kumomta"},
    {"kumomta", "MTA-STS policies and DNS answers in its caches", "systemctl restart kumomta"},
    {"kumomta", "suspensions and slower shaping that its TSA daemon made of the sink's answers",
     "kcli suspend-ready-q-list; kcli suspend-list; TSA keeps them in its database until they "
     "expire"},
    {"kumomta",
     "throttles counted in redis, if it is set so: the test's messages count for some time",
     "let them expire, or remove the keys"},
    {"postfix",
     "destinations that the sink deferred are held back for minimal_backoff_time and "
     "longer by the queue manager",
     "postfix reload"},
    {"postfix", "cached MTA-STS policies of a policy plugin; addresses probed by verify(8)",
     "restart the plugin; remove address_verify_map"},
    {"exim", "retry hints: real hosts that the sink stood for count as failing; wait-* hints",
     "remove retry* and wait-* below db in its spool directory, while it is stopped"},
};
const size_t kr_n_survivors = sizeof kr_survivors / sizeof *kr_survivors;

bool kr_survivor_applies(const struct kr_survivor *s, const struct kr_queues *q)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->v[i].pid && strcmp(q->v[i].mta->id, s->mta) == 0)
            return true;
    return false;
}
