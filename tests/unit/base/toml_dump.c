/* Reads documents from standard input, each after its length and a line feed, and answers each with
 * a line: "ok DUMP" or "no MESSAGE". tests/fuzz/toml_oracle.py compares that with another reader.
 */
#include "toml_dump.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <stdio.h>

int main(void)
{
    size_t len;
    while (scanf("%zu", &len) == 1 && getchar() == '\n') {
        KR_AUTO_FREE char *text = kr_calloc(len, 1);
        if (fread(text, 1, len, stdin) != len)
            return 1;
        struct kr_err e = {0};
        KR_AUTO_BUF struct kr_buf b = {0};
        struct kr_toml *doc = kr_toml_read("x", text, len, &e);
        if (doc)
            dump_value(kr_toml_root(doc), &b);
        printf("%s %s\n", doc ? "ok" : "no", doc ? kr_buf_str(&b) : e.msg);
        fflush(stdout);
        kr_toml_free(doc);
    }
    return 0;
}
