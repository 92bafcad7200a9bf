/* Help texts, made from the command and option tables. */
#ifndef KR_USAGE_H
#define KR_USAGE_H

#include <kr/cmd.h>

#include <stdio.h>

void kr_usage_all(const struct kr_command *const *commands, size_t n, FILE *out);
void kr_usage_command(const struct kr_command *cmd, FILE *out);

#endif
