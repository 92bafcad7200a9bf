#include <kr/gen_mail.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/mix.h>

#include "mail_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRAP 78

static const char *const words[] = {
    "lorem",   "ipsum",  "dolor",  "sit",     "amet",    "consectetur", "adipiscing",
    "elit",    "sed",    "do",     "eiusmod", "tempor",  "incididunt",  "ut",
    "labore",  "et",     "dolore", "magna",   "aliqua",  "enim",        "ad",
    "minim",   "veniam", "quis",   "nostrud", "ullamco", "laboris",     "nisi",
    "aliquip", "ex",     "ea",     "commodo"};
_Static_assert(sizeof words / sizeof *words == 32, "five bits choose a word");

void kr_body_words(struct kr_body *b, uint64_t size)
{
    struct kr_buf out = {0};
    uint64_t chance = size;
    size_t column = 0;
    while (out.len + 2 < size || !out.len) {
        const char *w = words[kr_mix_next(&chance) >> 59];
        size_t n = strlen(w);
        bool wrap = column + 1 + n > WRAP;
        if (out.len)
            kr_buf_add(&out, wrap ? "\r\n" : " ", wrap ? 2 : 1);
        kr_buf_add(&out, w, n);
        column = wrap || column == 0 ? n : column + 1 + n;
    }
    kr_buf_add(&out, "\r\n", 2);
    *b = (struct kr_body){.text = out.s, .len = out.len};
}

void kr_body_take(struct kr_body *b, const char *text, size_t len)
{
    struct kr_buf out = {0};
    *b = (struct kr_body){.whole = true};
    for (const char *p = text, *end = text + len; p < end;) {
        const char *lf = memchr(p, '\n', (size_t)(end - p)), *stop = lf ? lf : end;
        size_t n = (size_t)(stop - p);
        n -= n && p[n - 1] == '\r';
        if (n && *p == '.')
            kr_buf_add(&out, ".", 1);
        kr_buf_add(&out, p, n);
        kr_buf_add(&out, "\r\n", 2);
        for (size_t i = 0; i < n; i++)
            b->high |= (p[i] & 0x80) != 0;
        p = lf ? lf + 1 : end;
    }
    kr_buf_add(&out, "", 0);
    b->text = out.s;
    b->len = out.len;
}

int kr_gen_read_file(const char *path, struct kr_buf *out, struct kr_err *e)
{
    char part[65536];
    struct stat st;
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        return kr_fail(e, KR_USAGE, errno, "%s", path);
    if (S_ISDIR(st.st_mode))
        return kr_fail(e, KR_USAGE, EISDIR, "%s", path);
    for (;;) {
        ssize_t n = read(fd, part, sizeof part);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return kr_fail(e, KR_USAGE, errno, "%s", path);
        if (n == 0)
            return 0;
        kr_buf_add(out, part, (size_t)n);
    }
}

int kr_body_read(struct kr_body *b, const char *path, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    if (kr_gen_read_file(path, &text, e))
        return -1;
    if (!text.len)
        return kr_fail(e, KR_USAGE, 0, "%s is empty", path);
    kr_body_take(b, text.s, text.len);
    return 0;
}
