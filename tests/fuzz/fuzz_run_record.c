/* A record of whatever octets: what is read can be written, read again and is the same; every
 * rendering of it comes to its end, and in the page nothing of it is markup. */
#include "act/account_parse.c"

#include <kr/report_run.h>
#include <kr/run_balance.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void render(const struct kr_run *r)
{
    static void (*const all[])(const struct kr_run *, const struct kr_audit *, FILE *) = {
        kr_text_run, kr_tap_run, kr_junit_run, kr_markdown_run, kr_html_run};
    static const char *const never[] = {"<script", "<SCRIPT", "<img", "onload=\"", "\033["};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        KR_AUTO_FREE char *text = NULL;
        size_t n = 0;
        FILE *f = open_memstream(&text, &n);
        all[i](r, NULL, f);
        fclose(f);
        for (size_t k = 0; i > 0 && k < sizeof never / sizeof *never; k++)
            if (strstr(text, never[k]) && (i > 1 || k > 3))
                abort();
        if (strlen(text) != n)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kr_run a, b;
    struct kr_balance balance;
    if (kr_run_from_text((const char *)data, size, &a, NULL))
        return 0;
    KR_AUTO_FREE char *text = kr_run_to_text(&a), *again = NULL;
    if (!text || kr_run_from_text(text, strlen(text), &b, NULL))
        abort();
    again = kr_run_to_text(&b);
    if (!again || strcmp(text, again) != 0)
        abort();
    kr_run_balance(&b, &balance);
    render(&b);
    kr_run_free(&a);
    kr_run_free(&b);
    return 0;
}
