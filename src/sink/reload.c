/* The policy's file: read by the master, again when asked. */
#include "steer.h"

#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/sink_store.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int read_file(const char *path, struct kr_buf *out, struct kr_err *e)
{
    char piece[65536];
    ssize_t n = 1;
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return kr_fail(e, KR_USAGE, errno, "--policy '%s'", path);
    while (n > 0 && out->len <= KR_STORE_MOST) {
        n = read(fd, piece, sizeof piece);
        if (n > 0)
            kr_buf_add(out, piece, (size_t)n);
    }
    return n < 0 ? kr_fail(e, KR_USAGE, errno, "--policy '%s'", path) : 0;
}

int load_policy(struct master *m, struct kr_err *e)
{
    const char *path = m->cfg->policy;
    KR_AUTO_BUF struct kr_buf text = {0};
    if (!path)
        return kr_fail(e, KR_USAGE, 0, "there is no --policy to read");
    if (read_file(path, &text, e))
        return -1;
    return steer_text(m, path, kr_buf_str(&text), text.len, e);
}

void reload_policy(struct master *m)
{
    struct kr_err why = {0};
    if (load_policy(m, &why))
        kr_warn("%s; what was in force stays so", why.msg);
    else
        kr_info("%s is in force", m->cfg->policy);
}
