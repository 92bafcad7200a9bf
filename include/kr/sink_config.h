/* What the command line of kumo-sink says. */
#ifndef KR_SINK_CONFIG_H
#define KR_SINK_CONFIG_H

#include <kr/endpoint.h>
#include <kr/prefixset.h>
#include <kr/sink_idle.h>
#include <kr/sink_target.h>
#include <kr/sink_tls_names.h>

#include <stdbool.h>

#define KR_SINK_NO_FD UINT64_MAX

enum kr_live { KR_LIVE_AUTO, KR_LIVE_ALWAYS, KR_LIVE_NEVER };
enum kr_compat { KR_COMPAT_NONE, KR_COMPAT_KUMO };

struct kr_sink_config {
    struct kr_endpoint *listen; /* one address each */
    size_t listens, listen_cap;
    bool default_listen;
    struct kr_prefixset ranges; /* normalized; empty: any local address is served */
    const char *nonce, *user, *control, *stats_file, *policy;
    const char *seed; /* decimal, or NULL */
    int compat;       /* enum kr_compat */
    int tls;          /* enum kr_tls_mode */
    const char *ca_dir;
    struct kr_tls_names tls_names;
    int live;                   /* enum kr_live */
    struct kr_endpoint metrics; /* port 0: none */
    uint64_t drain;             /* seconds transactions may take at a graceful stop */
    bool self_test;
    uint64_t memory; /* recipients remembered */
    uint64_t workers, max_size, max_recipients, max_connections;
    uint64_t max_messages; /* of a connection; 0: any */
    struct kr_idles idle;
    struct kr_targets targets; /* of capture and of the log of connections */
    double sample;             /* share of the messages that are captured */
    uint64_t capture_buffer;   /* MiB a worker */
    bool lmtp, chunking, auth, quiet;
    uint64_t ready_fd, lifeline_fd; /* or KR_SINK_NO_FD */
};

#endif
