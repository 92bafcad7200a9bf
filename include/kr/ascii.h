/* Letters as the protocols compare them: in ASCII, whatever the locale says. */
#ifndef KR_ASCII_H
#define KR_ASCII_H

static inline char kr_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

#endif
