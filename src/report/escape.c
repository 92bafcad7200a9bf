#include "escape.h"

#include <string.h>

/* Octets of the UTF-8 character at s; 0: it is none (RFC 3629 4, without its finer points, and
 * without the C1 controls). */
static size_t character(const unsigned char *s)
{
    size_t n = *s < 0x80                 ? 1
               : *s >= 0xc2 && *s < 0xe0 ? 2
               : *s >= 0xe0 && *s < 0xf0 ? 3
               : *s >= 0xf0 && *s < 0xf5 ? 4
                                         : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool bad = (s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xe0 && s[1] < 0xa0) ||
               (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
               (s[0] == 0xf4 && s[1] > 0x8f) || (s[0] == 0xef && s[1] == 0xbf && s[2] > 0xbd);
    return n == 1 || !bad ? n : 0;
}

static bool is_control(unsigned char c)
{
    return c < ' ' || c == 127;
}

struct entity {
    char c;
    const char *say;
};

/* What is in the table is said otherwise; line breaks stay where `lines`. */
static void put(const char *s, const struct entity *table, size_t entities, bool lines, FILE *out)
{
    const unsigned char *p = (const unsigned char *)s;
    while (*p) {
        size_t n = character(p);
        const char *say = NULL;
        for (size_t i = 0; i < entities; i++)
            if ((char)*p == table[i].c)
                say = table[i].say;
        if (say)
            fputs(say, out);
        else if (!n || (is_control(*p) && !(lines && (*p == '\n' || *p == '\t'))))
            fputc('?', out);
        else
            fwrite(p, 1, n, out);
        p += n ? n : 1;
    }
}
#define PUT(s, table, lines, out) put(s, table, sizeof(table) / sizeof *(table), lines, out)

void report_xml(const char *s, FILE *out)
{
    static const struct entity xml[] = {
        {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    PUT(s, xml, true, out);
}

void report_xml_attr(const char *name, const char *value, FILE *out)
{
    fprintf(out, " %s=\"", name);
    report_xml(value, out);
    fputs("\"", out);
}

void report_github(const char *s, bool property, FILE *out)
{
    static const struct entity message[] = {{'%', "%25"}, {'\r', "%0D"}, {'\n', "%0A"}};
    static const struct entity value[] = {
        {'%', "%25"}, {'\r', "%0D"}, {'\n', "%0A"}, {':', "%3A"}, {',', "%2C"}};
    if (property)
        PUT(s, value, false, out);
    else
        PUT(s, message, false, out);
}

void report_yaml(const char *s, FILE *out)
{
    static const struct entity yaml[] = {{'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}};
    fputc('"', out);
    PUT(s, yaml, false, out);
    fputc('"', out);
}

/* As entities, so that neither Markdown nor HTML nor a mention of somebody comes of it. */
void report_markdown(const char *s, FILE *out)
{
    static const struct entity markdown[] = {
        {'&', "&amp;"}, {'<', "&lt;"},   {'>', "&gt;"},  {'|', "&#124;"}, {'*', "&#42;"},
        {'_', "&#95;"}, {'`', "&#96;"},  {'[', "&#91;"}, {']', "&#93;"},  {'\\', "&#92;"},
        {'#', "&#35;"}, {'~', "&#126;"}, {'@', "&#64;"}, {'!', "&#33;"},  {'\n', " "},
        {':', "&#58;"}, {'$', "&#36;"}};
    PUT(s, markdown, false, out);
}

void report_line(const char *s, FILE *out)
{
    static const struct entity line[] = {{'\t', " "}};
    PUT(s, line, false, out);
}
