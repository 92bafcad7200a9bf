#include <kr/json_text.h>

#include <kr/mem.h>

#include <jansson.h>

json_t *kr_json_text(const char *s)
{
    json_t *j = json_string(s);
    if (j)
        return j;
    KR_AUTO_FREE char *plain = kr_strdup(s);
    for (char *p = plain; *p; p++)
        if ((unsigned char)*p > 126)
            *p = '?';
    return json_string(plain);
}
