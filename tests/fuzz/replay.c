/*
 * Runs a fuzzer's target over its corpus, without a fuzzer: replay_NAME tests/fuzz/corpus/NAME
 *
 * A corpus is text, an input a line (see corpus.py). What a target finds wrong ends it: the lines
 * before say which input that was. TAP on standard output.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int hex(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The octet that *p begins with, and *p moved past it; -1: no such escape. */
static int octet(const char **p)
{
    static const char names[] = "rnt\\", means[] = "\r\n\t\\";
    if (**p != '\\')
        return (uint8_t) * (*p)++;
    const char *at = (*p)[1] ? strchr(names, (*p)[1]) : NULL;
    if (at) {
        *p += 2;
        return means[at - names];
    }
    if ((*p)[1] != 'x' || hex((*p)[2]) < 0 || hex((*p)[3]) < 0)
        return -1;
    int value = hex((*p)[2]) * 16 + hex((*p)[3]);
    *p += 4;
    return value;
}

/* One input, in memory of exactly its size, so that a sanitizer sees its end. */
static int run_line(const char *line)
{
    uint8_t *wide = malloc(strlen(line) + 1);
    size_t n = 0;
    int value = 0;
    while (wide && *line && (value = octet(&line)) >= 0)
        wide[n++] = (uint8_t)value;
    uint8_t *data = wide && value >= 0 ? malloc(n ? n : 1) : NULL;
    if (data) {
        memcpy(data, wide, n);
        LLVMFuzzerTestOneInput(data, n);
    }
    free(wide);
    free(data);
    return data ? 0 : -1;
}

static unsigned run_file(FILE *f, const char *name)
{
    char *line = NULL;
    size_t room = 0;
    unsigned number = 0, inputs = 0;
    for (ssize_t n; (n = getline(&line, &room, f)) > 0;) {
        number++;
        if (line[0] == '#')
            continue;
        line[strcspn(line, "\n")] = '\0';
        printf("# %s:%u\n", name, number);
        fflush(stdout);
        if (run_line(line)) {
            printf("Bail out! %s:%u is no input\n", name, number);
            exit(1);
        }
        inputs++;
    }
    free(line);
    return inputs;
}

int main(int argc, char **argv)
{
    FILE *f = argc == 2 ? fopen(argv[1], "re") : NULL;
    if (!f) {
        fprintf(stderr, "usage: %s CORPUS: a file that can be read\n", argv[0]);
        return 2;
    }
    printf("1..1\n");
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    unsigned inputs = run_file(f, argv[1]);
    printf("%sok 1 - %u inputs\n", inputs ? "" : "not ", inputs);
    fclose(f);
    return inputs ? 0 : 1;
}
