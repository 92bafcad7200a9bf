#include "toml_parse.h"

#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MOST_BYTES (16u << 20)

void kr_toml_skip_space(struct toml_parser *p)
{
    p->at += strspn(p->at, " \t");
}

bool kr_toml_skip_newline(struct toml_parser *p)
{
    p->at += *p->at == '\r';
    if (*p->at != '\n')
        return false;
    p->at++;
    p->line++;
    return true;
}

void kr_toml_skip_comment(struct toml_parser *p)
{
    if (*p->at == '#')
        p->at += strcspn(p->at, "\r\n");
}

struct kr_toml_value *kr_toml_child(struct toml_parser *p, struct kr_toml_value *parent,
                                    const struct toml_text *key, const char *at)
{
    char said[TOML_QUOTED];
    struct kr_toml_value *v = kr_toml_add(parent, key, p->line);
    if (!v)
        kr_toml_fail(p, at, "%s is nested more than %d levels deep", kr_toml_found(at, said),
                     KR_TOML_DEPTH);
    return v;
}

static int parse_line(struct toml_parser *p, struct kr_toml_value **table)
{
    char said[TOML_QUOTED];
    int bad = 0;
    kr_toml_skip_space(p);
    if (*p->at == '[')
        bad = kr_toml_parse_header(p, table);
    else if (*p->at && !strchr("#\r\n", *p->at))
        bad = kr_toml_parse_keyval(p, *table);
    if (bad)
        return -1;
    kr_toml_skip_space(p);
    kr_toml_skip_comment(p);
    if (*p->at == '\0' || kr_toml_skip_newline(p))
        return 0;
    return kr_toml_fail(p, p->at, "the line must end here, but %s follows",
                        kr_toml_found(p->at, said));
}

/* `text` has a NUL behind its last byte. */
static struct kr_toml *read_text(const char *name, const char *text, size_t len, struct kr_err *e)
{
    struct kr_toml *doc = kr_toml_new(name);
    struct toml_parser p = {
        .doc = doc, .text = text, .at = text, .end = text + len, .line = 1, .e = e};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        p.text = p.at = text + 3;
    struct kr_toml_value *table = kr_toml_tree(doc);
    int bad = kr_toml_check_text(&p);
    while (!bad && *p.at)
        bad = parse_line(&p, &table);
    kr_buf_free(&p.scratch);
    if (!bad)
        return doc;
    kr_toml_free(doc);
    return NULL;
}

static struct kr_toml *read_bounded(const char *name, const struct kr_buf *b, struct kr_err *e)
{
    if (b->len <= MOST_BYTES)
        return read_text(name, kr_buf_str(b), b->len, e);
    kr_fail(e, KR_USAGE, 0, "%s: larger than %u MiB", name, MOST_BYTES >> 20);
    return NULL;
}

struct kr_toml *kr_toml_read(const char *name, const char *text, size_t len, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf copy = {0};
    kr_buf_add(&copy, len ? text : "", len);
    return read_bounded(name, &copy, e);
}

struct kr_toml *kr_toml_read_file(const char *path, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    char part[16384];
    while (n > 0 && text.len <= MOST_BYTES) {
        n = read(fd, part, sizeof part);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            kr_buf_add(&text, part, (size_t)n);
    }
    if (n < 0) {
        kr_fail(e, KR_USAGE, errno, "%s", path);
        return NULL;
    }
    return read_bounded(path, &text, e);
}
