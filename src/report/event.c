#include <kr/log.h>
#include <kr/mem.h>
#include <kr/report.h>
#include <kr/watch.h>

#include <string.h>
#include <unistd.h>

void kr_json_event(const struct kr_event *ev, FILE *out)
{
    KR_AUTO_FREE char *line = kr_event_json(ev);
    fputs(line, out);
}

static void say_time(unsigned us, FILE *out)
{
    if (us)
        fprintf(out, " (%u.%u ms)", us / 1000, us % 1000 / 100);
}

/* One line each, so that each can be found by its time. */
void kr_text_event(const struct kr_event *ev, FILE *out)
{
    bool color = kr_log_color(fileno(out));
    const char *what = ev->what;
    do {
        size_t n = strcspn(what, "\n");
        fprintf(out, "%s %s%s%s%s %s: %.*s", ev->time, color && ev->breach ? "\033[1;31m" : "",
                ev->breach ? "BREACH " : "", kr_event_name(ev->kind),
                color && ev->breach ? "\033[0m" : "", ev->id, (int)n, what);
        say_time(ev->us, out);
        fputs("\n", out);
        what += n + (what[n] == '\n');
    } while (*what);
}
