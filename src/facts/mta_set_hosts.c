#include "mta_params.h"
#include "mta_set.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Letters, digits, '-', '.' and '_', and no address: a name that Exim would look up. */
static bool is_name(const char *s, size_t len)
{
    bool letter = false;
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)s[i]) && !strchr("-._", s[i]))
            return false;
        letter = letter || isalpha((unsigned char)s[i]);
    }
    return letter;
}

/* "\\N^mx\\.example$\\N": a name written as an expression, which Exim does not look up. */
static bool is_exact(const char *item, size_t len)
{
    return len > 6 && memcmp(item, "\\N^", 3) == 0 && memcmp(item + len - 3, "$\\N", 3) == 0;
}

static enum kr_list_match match_exact(const char *s, size_t len, const char *name)
{
    const char *end = s + len - 3;
    for (s += 3; s < end; s++, name++) {
        if (*s == '\\' && s + 1 < end && s[1] == '.')
            s++;
        else if (!isalnum((unsigned char)*s) && !strchr("-_", *s))
            return KR_LIST_UNSURE;
        if (!*name || tolower((unsigned char)*s) != tolower((unsigned char)*name))
            return KR_LIST_NO;
    }
    return *name ? KR_LIST_NO : KR_LIST_YES;
}

static enum kr_list_match match_item(const char *item, size_t len, const char *name)
{
    size_t n = name ? strlen(name) : 0;
    if (len == 1 && *item == '*')
        return KR_LIST_YES;
    if (len == 0)
        return KR_LIST_NO;
    if (!name)
        return KR_LIST_UNSURE;
    if (*item == '*' && (is_name(item + 1, len - 1) || item[1] == '.'))
        return n >= len - 1 && strncasecmp(name + n - (len - 1), item + 1, len - 1) == 0
                   ? KR_LIST_YES
                   : KR_LIST_NO;
    if (is_exact(item, len))
        return match_exact(item, len, name);
    if (!is_name(item, len))
        return KR_LIST_UNSURE;
    return n == len && strncasecmp(item, name, len) == 0 ? KR_LIST_YES : KR_LIST_NO;
}

/* The next item, as it is written; doubled separators stay doubled, which only addresses have. */
static const char *next_item(const char **at, char sep, size_t *len)
{
    const char *s = *at, *p = s;
    while (*p && (*p != sep || p[1] == sep))
        p += *p == sep ? 2 : 1;
    *len = (size_t)(p - s);
    *at = *p ? p + 1 : NULL;
    return kr_mta_trim(s, len);
}

/* The first item that matches decides; behind a last negative one stands an unwritten "*". */
enum kr_list_match kr_exim_list_match(const char *list, const char *name)
{
    char sep = ':';
    bool last_negative = false, any = false;
    list += strspn(list, " \t");
    if (list[0] == '<' && ispunct((unsigned char)list[1])) {
        sep = list[1];
        list += 2;
    }
    for (const char *at = list; at;) {
        size_t len;
        const char *item = next_item(&at, sep, &len);
        bool negative = len && *item == '!';
        if (!len)
            continue;
        any = true;
        last_negative = negative;
        if (negative) {
            len--;
            item = kr_mta_trim(item + 1, &len);
        }
        enum kr_list_match m = match_item(item, len, name);
        if (m == KR_LIST_UNSURE)
            return m;
        if (m == KR_LIST_YES)
            return negative ? KR_LIST_NO : KR_LIST_YES;
    }
    return any && last_negative ? KR_LIST_YES : KR_LIST_NO;
}
