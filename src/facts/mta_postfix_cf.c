#include "mta_postfix.h"

#include <kr/mem.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DEEPEST 10
#define LONGEST 65536 /* of an expansion */
#define MOST_STEPS 10000

bool kr_pf_line(const char **at, const char *end, unsigned *line, struct kr_buf *out,
                unsigned *first)
{
    out->len = 0;
    while (*at < end) {
        const char *eol = memchr(*at, '\n', (size_t)(end - *at)), *begin = *at;
        eol = eol ? eol : end;
        size_t len = (size_t)(eol - begin);
        const char *text = kr_mta_trim(begin, &len);
        bool blank = len == 0 || *text == '#', more = isspace((unsigned char)*begin);
        if (!blank && !more && out->len)
            return true;
        *at = eol < end ? eol + 1 : end;
        ++*line;
        if (blank)
            continue;
        if (out->len)
            kr_buf_add(out, " ", 1);
        else
            *first = *line;
        kr_buf_add(out, text, len);
    }
    return out->len > 0;
}

/* From an opening brace: how long it is up to and with its closing one; 0: it has none. */
static size_t braced(const char *s, const char *end)
{
    char open = *s, close = open == '(' ? ')' : '}';
    size_t depth = 0;
    for (const char *p = s; p < end; p++) {
        depth += *p == open;
        if (*p == close && --depth == 0)
            return (size_t)(p - s) + 1;
    }
    return 0;
}

bool kr_pf_word(const char **at, const char *end, const char **word, size_t *len)
{
    const char *p = *at;
    while (p < end && (isspace((unsigned char)*p) || *p == ','))
        p++;
    *word = p;
    while (p < end && !isspace((unsigned char)*p) && *p != ',') {
        size_t n = *p == '{' ? braced(p, end) : 1;
        p += n ? n : 1;
    }
    *at = p;
    *len = (size_t)(p - *word);
    if (*len > 1 && **word == '{' && braced(*word, p) == *len) {
        *len -= 2;
        *word = kr_mta_trim(*word + 1, len);
        return true;
    }
    return *len > 0;
}

static char *copy(const char *s, size_t len)
{
    char *out = kr_calloc(len + 1, 1);
    memcpy(out, s, len);
    return out;
}

/* ---- $name ----------------------------------------------------------------------------------- */

/* What Postfix has built in, as far as next hops are made of it. */
static const char *built_in(const struct kr_pf *pf, const char *name, size_t len)
{
    static const char *const known[][2] = {
        {"default_database_type", "hash"},
        {"queue_directory", "/var/spool/postfix"},
        {"default_transport", "smtp"},
        {"relay_transport", "relay"},
        {"smtp_tcp_port", "smtp"},
        {"relayhost", ""},
        {"transport_maps", ""},
        {"content_filter", ""},
        {"smtp_fallback_relay", "$fallback_relay"},
        {"fallback_relay", ""},
        {"fallback_transport", ""},
        {"mailbox_transport", ""},
    };
    if (len == strlen("config_directory") && memcmp(name, "config_directory", len) == 0)
        return pf->folder;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i][0]) == len && memcmp(known[i][0], name, len) == 0)
            return known[i][1];
    return NULL;
}

static size_t name_length(const char *s, const char *end)
{
    size_t n = 0;
    while (s + n < end && (isalnum((unsigned char)s[n]) || s[n] == '_'))
        n++;
    return n;
}

static void expand(struct kr_pf *pf, const char *s, const char *end, unsigned depth,
                   struct kr_buf *out);

static void as_written(const char *from, const char *to, struct kr_buf *out)
{
    kr_buf_add(out, from, (size_t)(to - from));
}

static const char *value_of(const struct kr_pf *pf, const char *name, size_t len)
{
    const struct kr_mta_param *p = kr_mta_param_get(&pf->params, name, len);
    return p ? p->value : built_in(pf, name, len);
}

/* "name?yes", "name:no", "name?{yes}:{no}": [s, end) is what follows the name. */
static void choose(struct kr_pf *pf, bool set, const char *s, const char *end, unsigned depth,
                   struct kr_buf *out)
{
    const char *yes = NULL, *no = NULL, *yes_end = end;
    if (*s == ':') {
        no = s + 1;
    } else {
        yes = s + 1;
        size_t n = yes < end && *yes == '{' ? braced(yes, end) : 0;
        if (n) {
            yes_end = yes + n;
            no = yes_end < end && *yes_end == ':' ? yes_end + 1 : NULL;
        }
    }
    const char *pick = set ? yes : no, *pick_end = set ? yes_end : end;
    if (!pick)
        return;
    if (pick < pick_end && *pick == '{' && braced(pick, pick_end) == (size_t)(pick_end - pick)) {
        pick++;
        pick_end--;
    }
    expand(pf, pick, pick_end, depth + 1, out);
}

/* s is behind '$'. Returns where it goes on; NULL: what it means can't be told. */
static const char *reference(struct kr_pf *pf, const char *s, const char *end, unsigned depth,
                             struct kr_buf *out)
{
    bool brace = s < end && (*s == '{' || *s == '(');
    size_t whole = brace ? braced(s, end) : name_length(s, end);
    const char *stop = s + whole, *name = s + brace, *rest;
    size_t len = whole ? name_length(name, stop) : 0;
    const char *value = len ? value_of(pf, name, len) : NULL;
    rest = name + len;
    if (len && brace && (*rest == '?' || *rest == ':')) {
        choose(pf, value && *value, rest, stop - 1, depth, out);
        return stop;
    }
    if (!value || (brace && rest != stop - 1))
        return NULL;
    expand(pf, value, value + strlen(value), depth + 1, out);
    return stop;
}

static void expand(struct kr_pf *pf, const char *s, const char *end, unsigned depth,
                   struct kr_buf *out)
{
    while (s < end && out->len < LONGEST && pf->steps++ < MOST_STEPS) {
        const char *dollar = memchr(s, '$', (size_t)(end - s)), *next = NULL;
        as_written(s, dollar ? dollar : end, out);
        if (!dollar)
            return;
        if (dollar + 1 < end && dollar[1] != '$' && depth < DEEPEST)
            next = reference(pf, dollar + 1, end, depth, out);
        if (!next)
            kr_buf_add(out, "$", 1);
        s = next ? next : dollar + 1 + (dollar + 1 < end && dollar[1] == '$');
    }
}

void kr_pf_expand(struct kr_pf *pf, const char *text, size_t len, struct kr_buf *out)
{
    kr_buf_add(out, "", 0);
    pf->steps = 0;
    expand(pf, text, text + len, 0, out);
    if (pf->steps >= MOST_STEPS || out->len >= LONGEST)
        kr_buf_add(out, "$", 1);
}

/* ---- files ----------------------------------------------------------------------------------- */

int kr_pf_read_main(struct kr_pf *pf)
{
    KR_AUTO_BUF struct kr_buf text = {0}, line = {0};
    int got = kr_mta_file(pf->r, pf->main, &text);
    const char *at = text.s;
    unsigned n = 0, first = 0;
    while (got == 1 && kr_pf_line(&at, text.s + text.len, &n, &line, &first))
        kr_mta_param_assign(&pf->params, line.s, line.len, first);
    return got;
}

const struct kr_pf_service *kr_pf_service_find(const struct kr_pf *pf, const char *name, size_t len)
{
    for (size_t i = 0; i < pf->n; i++)
        if (pf->services[i].unix_type && strlen(pf->services[i].name) == len &&
            memcmp(pf->services[i].name, name, len) == 0)
            return &pf->services[i];
    return NULL;
}

static bool is(const char *word, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(word, text, len) == 0;
}

/* The words after the command: "-o name=value", "-o { name = value }", "-oname=value", "argv=". */
static void service_words(const char *at, const char *end, unsigned line, struct kr_pf_service *s)
{
    const char *word;
    size_t len;
    while (kr_pf_word(&at, end, &word, &len)) {
        if (is(word, len, "-o")) {
            if (kr_pf_word(&at, end, &word, &len))
                kr_mta_param_assign(&s->options, word, len, line);
        } else if (len > 2 && memcmp(word, "-o", 2) == 0) {
            kr_mta_param_assign(&s->options, word + 2, len - 2, line);
        } else if (len > 5 && memcmp(word, "argv=", 5) == 0) {
            free(s->program);
            s->program = copy(word + 5, len - 5);
            return;
        }
    }
}

static void service_free(struct kr_pf_service *s)
{
    free(s->name);
    free(s->command);
    free(s->program);
    kr_mta_params_free(&s->options);
}

/* name type private unprivileged chroot wakeup maxproc command words... */
static void add_service(struct kr_pf *pf, const char *at, const char *end, unsigned line)
{
    const char *field[8];
    size_t len[8];
    for (size_t i = 0; i < 8; i++)
        if (!kr_pf_word(&at, end, &field[i], &len[i]))
            return;
    const char *slash = memrchr(field[7], '/', len[7]);
    const char *command = slash ? slash + 1 : field[7];
    struct kr_pf_service s = {.name = copy(field[0], len[0]),
                              .command = copy(command, (size_t)(field[7] + len[7] - command)),
                              .program = kr_strdup(""),
                              .unix_type = is(field[1], len[1], "unix")};
    service_words(at, end, line, &s);
    pf->services = kr_grow(pf->services, &pf->cap, pf->n + 1, sizeof *pf->services);
    pf->services[pf->n++] = s;
}

int kr_pf_read_master(struct kr_pf *pf)
{
    KR_AUTO_BUF struct kr_buf text = {0}, line = {0};
    int got = kr_mta_file(pf->r, pf->master, &text);
    const char *at = text.s;
    unsigned n = 0, first = 0;
    while (got == 1 && kr_pf_line(&at, text.s + text.len, &n, &line, &first))
        add_service(pf, line.s, line.s + line.len, first);
    return got;
}

void kr_pf_free(struct kr_pf *pf)
{
    for (size_t i = 0; i < pf->n; i++)
        service_free(&pf->services[i]);
    free(pf->services);
    kr_mta_params_free(&pf->params);
}
