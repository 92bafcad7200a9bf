/* A generator's command of whatever words: what is made of it for real names has, as the generator
 * itself would read it, an empty suffix and no other; with its suffix it is what it was. */
#include "act/run_line.c"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As traffic-gen does: the last --domain-suffix is the one that counts. */
static const char *suffix_read(char *const *argv, size_t at, bool letters)
{
    const char *suffix = NULL, option[] = "--domain-suffix=";
    for (; argv[at] && strcmp(argv[at], "--") != 0; at++) {
        if (strncmp(argv[at], option, sizeof option - 1) == 0)
            suffix = argv[at] + sizeof option - 1;
        else if (strcmp(argv[at], SUFFIX_OPTION) == 0)
            suffix = argv[at + 1];
        if (takes_value(argv[at], letters) && !argv[++at])
            break;
    }
    return suffix;
}

static void check(const struct kr_run_line *l, const struct kr_strlist *words)
{
    char **real = kr_run_line_argv(l, true), **kept = kr_run_line_argv(l, false);
    size_t n = 0;
    for (; kept[n]; n++)
        if (!l->placed && n < words->n && strcmp(kept[n], words->v[n]) != 0)
            abort();
    if (n != words->n + l->more.n)
        abort();
    if (l->known && !l->placed && !l->more.n) {
        const char *suffix = suffix_read(real, l->options, l->letters);
        if (!suffix || *suffix)
            abort();
    }
    for (size_t i = 0; l->placed && real[i]; i++)
        if (has_place(real[i]))
            abort();
    kr_run_argv_free(real);
    kr_run_argv_free(kept);
}

/* The first octet says which of the options of run are given; words end with a line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const templates[] = {NULL, "--x={suffix}", "'a b' {.suffix}", "{", "'"};
    struct kr_strlist words = {0};
    struct kr_run_line l = {0};
    if (!size || chdir("/proc/self/fdinfo")) /* where no name is a script's */
        return 0;
    struct kr_run_line_want want = {
        .words = &words,
        .template = templates[(data[0] >> 1) % (sizeof templates / sizeof *templates)],
        .names_given = data[0] & 1};
    KR_AUTO_FREE char *text = kr_calloc(size, 1);
    memcpy(text, data + 1, size - 1);
    char *rest = text;
    for (char *w; (w = strsep(&rest, "\n")) != NULL;)
        kr_strlist_add(&words, w);
    if (kr_run_line_read(&want, &l, NULL) == 0)
        check(&l, &words);
    kr_run_line_free(&l);
    kr_strlist_free(&words);
    return 0;
}
