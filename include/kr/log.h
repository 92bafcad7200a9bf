/* Diagnostics on standard error. Standard output is for answers only. */
#ifndef KR_LOG_H
#define KR_LOG_H

#include <stdbool.h>

enum kr_level { KR_LOG_ERROR, KR_LOG_WARN, KR_LOG_INFO, KR_LOG_DEBUG };
enum kr_color { KR_COLOR_AUTO, KR_COLOR_ALWAYS, KR_COLOR_NEVER };

/* Names the program in each line; levels above `most` are dropped (default KR_LOG_INFO). */
void kr_log_setup(const char *program, enum kr_level most, enum kr_color color);
/* True when text for this file descriptor should be coloured (TTY, NO_COLOR unset, or forced). */
bool kr_log_color(int fd);
void kr_log(enum kr_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define kr_error(...) kr_log(KR_LOG_ERROR, __VA_ARGS__)
#define kr_warn(...) kr_log(KR_LOG_WARN, __VA_ARGS__)
#define kr_info(...) kr_log(KR_LOG_INFO, __VA_ARGS__)
#define kr_debug(...) kr_log(KR_LOG_DEBUG, __VA_ARGS__)

#endif
