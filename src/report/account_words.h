/* Words that every rendering of a run shares. */
#ifndef KR_ACCOUNT_WORDS_H
#define KR_ACCOUNT_WORDS_H

#include <kr/audit.h>
#include <kr/run_balance.h>
#include <kr/run_record.h>

#include <stdio.h>

const char *account_headline(const struct kr_run *r, const struct kr_balance *b);
/* "real names: 12 domains", "with the suffix .example.com". */
const char *account_names(const struct kr_run *r, char *out, size_t size);
/* "2 CPUs (Intel ...), 7.8 GiB of RAM, Linux 6.1.0". */
const char *account_machine(const struct kr_run *r, char *out, size_t size);
/* "1,234.5 messages/s, 4.44 million/hour on 2 CPUs and 7.8 GiB"; or why there is none. */
const char *account_rate(const struct kr_run *r, char *out, size_t size);
/* Messages a second; a negative one: not known. */
double account_per_second(const struct kr_run *r);
/* A word of a command line, quoted as a shell wants it where it has to be. */
const char *account_word(const char *word, char *out, size_t size);
const char *account_time(uint64_t us, char out[static 24]); /* "1.234 ms", "not known" */
const char *account_count(uint64_t n, char out[static 32]); /* "1,234,567", "?" */
bool account_is_code(const char *name);                     /* "421" */
void account_text_audit(const struct kr_audit *a, FILE *out);

#endif
