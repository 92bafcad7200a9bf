/* Reads toml/valid.txt and toml/invalid.txt: "== NAME", the document, "-- " and what is expected of
 * it. In a document {{hh}} is a byte, and {{eof}} ends it without a line feed. */
#ifndef KR_TESTS_TOML_CASES_H
#define KR_TESTS_TOML_CASES_H

#include <kr/buf.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct toml_case {
    char name[128];
    struct kr_buf text, expected;
};

static void add_escaped(struct kr_buf *b, const char *s)
{
    for (; *s; s++) {
        unsigned byte;
        int used = 0;
        if (strncmp(s, "{{eof}}", 7) == 0)
            return;
        if (sscanf(s, "{{%2x}}%n", &byte, &used) == 1 && used == 6) {
            char c = (char)byte;
            kr_buf_add(b, &c, 1);
            s += 5;
        } else {
            kr_buf_add(b, s, 1);
        }
    }
}

static void free_case(struct toml_case *c)
{
    kr_buf_free(&c->text);
    kr_buf_free(&c->expected);
}

/* Calls fn for each case of a file beside this one; returns how many there were. */
static size_t each_case(const char *file, void (*fn)(struct toml_case *))
{
    char path[512], line[4096];
    size_t n = 0;
    struct toml_case c = {.name = ""};
    snprintf(path, sizeof path, "%.*s/toml/%s", (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__,
             file);
    FILE *in = fopen(path, "r");
    for (; in && fgets(line, sizeof line, in); n++) {
        c = (struct toml_case){.name = ""};
        if (sscanf(line, "== %127s", c.name) != 1)
            abort();
        while (fgets(line, sizeof line, in) && strncmp(line, "-- ", 3) != 0)
            add_escaped(&c.text, line);
        line[strcspn(line, "\n")] = '\0';
        add_escaped(&c.expected, line + 3);
        fn(&c);
        free_case(&c);
    }
    if (in)
        fclose(in);
    return n;
}

#endif
