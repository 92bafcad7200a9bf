/* A made-up host for the readers of mail servers' configuration: a folder as its root, no process,
 * 25 redirected, 2525 blocked, 192.168.1.0/24 exempt, 192.0.2.2 its own address. */
#ifndef KR_TEST_MTA_H
#define KR_TEST_MTA_H

#include "view.h"

#include <kr/err.h>
#include <kr/mta.h>
#include <kr/procs.h>
#include <kr/scene.h>

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct host {
    char root[64];
    struct world world;
    struct kr_lan lan;
    struct kr_scene scene;
    struct kr_mtas found;
};

static inline void host_init(struct host *h)
{
    static const uint16_t ports[] = {25, 2525};
    memset(h, 0, sizeof *h);
    strcpy(h->root, "/tmp/kr-mta.XXXXXX");
    if (!mkdtemp(h->root))
        abort();
    a_link(&h->world, "up0", "", ARPHRD_ETHER);
    an_addr(&h->world, "up0", "192.0.2.2/24");
    h->lan.v = kr_grow(NULL, &h->lan.cap, 1, sizeof *h->lan.v);
    h->lan.v[0] = (struct kr_exempt){.index = 1, .ifname = "lan0"};
    kr_prefix_parse("192.168.1.0/24", &h->lan.v[0].prefix, NULL);
    h->lan.n = 1;
    h->scene = (struct kr_scene){.lan = &h->lan,
                                 .ports = ports,
                                 .n_ports = 2,
                                 .n_redirected = 1,
                                 .view = &h->world.v,
                                 .procs = kr_calloc(1, sizeof(struct kr_procs)),
                                 .nonce = ""};
}

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    (void)st, (void)flag, (void)f;
    return remove(path);
}

static inline void host_empty(struct host *h)
{
    nftw(h->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    mkdir(h->root, 0700);
    kr_mtas_free(&h->found);
}

static inline void host_free(struct host *h)
{
    kr_mtas_free(&h->found);
    nftw(h->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(h->scene.procs);
    free(h->lan.v);
    free(h->world.v.links);
    free(h->world.v.addrs);
    free(h->world.v.routes);
}

static inline void host_file(const struct host *h, const char *path, const void *text, size_t len)
{
    char all[512];
    snprintf(all, sizeof all, "%s%s", h->root, path);
    for (char *slash = all + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        mkdir(all, 0700);
    }
    FILE *f = fopen(all, "w");
    if (!f || fwrite(text, 1, len, f) != len || fclose(f))
        abort();
}

/* "== /etc/postfix/main.cf\n" begins a file. */
static inline void host_files(const struct host *h, const char *text)
{
    while (*text) {
        char path[256] = "";
        sscanf(text, "== %255s", path);
        const char *begin = strchr(text, '\n') + 1, *end = strstr(begin, "\n== ");
        end = end ? end + 1 : begin + strlen(begin);
        host_file(h, path, begin, (size_t)(end - begin));
        text = end;
    }
}

static inline int host_read(struct host *h)
{
    struct kr_err e = {0};
    kr_mtas_free(&h->found);
    return kr_mtas_read(&h->scene, h->root, &h->found, &e);
}

/* The worst of each topic: unknown, ports, proxies, smart hosts, other; h, u or b. */
static inline const char *host_verdicts(const struct host *h, char out[static KR_MTA_TLS + 1])
{
    for (int t = 0; t < KR_MTA_TLS; t++)
        out[t] = h->found.count[t][KR_BROKEN] ? 'b' : h->found.count[t][KR_IN_DOUBT] ? 'u' : 'h';
    out[KR_MTA_TLS] = '\0';
    return out;
}

static inline bool host_says(const struct host *h, const char *words)
{
    char all[512];
    for (size_t i = 0; i < h->found.n_ways; i++) {
        const struct kr_evidence *x = &h->found.ways[i].evidence;
        snprintf(all, sizeof all, "%s %s", x->object, x->detail);
        if (strstr(all, words))
            return true;
    }
    return false;
}

static inline void host_show(const struct host *h)
{
    for (size_t i = 0; i < h->found.n_ways; i++)
        fprintf(stderr, "# %d %s %s: %s\n", (int)h->found.ways[i].topic,
                kr_verdict_name(h->found.ways[i].evidence.verdict),
                h->found.ways[i].evidence.object, h->found.ways[i].evidence.detail);
}

#endif
