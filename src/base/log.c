#include <kr/log.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *log_program = "kumo-redirect";
static enum kr_level log_most = KR_LOG_INFO;
static enum kr_color log_color_mode = KR_COLOR_AUTO;

void kr_log_setup(const char *program, enum kr_level most, enum kr_color color)
{
    log_program = program;
    log_most = most;
    log_color_mode = color;
}

bool kr_log_color(int fd)
{
    if (log_color_mode != KR_COLOR_AUTO)
        return log_color_mode == KR_COLOR_ALWAYS;
    const char *no = getenv("NO_COLOR");
    return !(no && *no) && isatty(fd);
}

void kr_log(enum kr_level level, const char *fmt, ...)
{
    static const struct {
        const char *name, *color;
    } look[] = {
        {"error: ", "\033[31m"}, {"warning: ", "\033[33m"}, {"", ""}, {"debug: ", "\033[2m"}};
    if (level > log_most)
        return;
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    bool color = kr_log_color(STDERR_FILENO) && *look[level].color;
    fprintf(stderr, "%s: %s%s%s%s\n", log_program, color ? look[level].color : "", look[level].name,
            color ? "\033[0m" : "", text);
}
