#include "account_plot.h"

#include "account_words.h"
#include "escape.h"

#include <inttypes.h>
#include <string.h>

#define WIDTH 760
#define HEIGHT 250
#define LEFT 66
#define RIGHT 24
#define TOP 26
#define BOTTOM 30
#define POINTS 380 /* a line has two pixels for each at least */

/* The sample to compare with; SIZE_MAX: the beginning, when all was 0. */
static size_t earlier(const struct kr_run_samples *s, size_t i, size_t step, const struct series *x)
{
    size_t was = i >= step ? i - step : SIZE_MAX;
    if (!x->slow || was == SIZE_MAX || s->v[was][x->column] == UINT64_MAX)
        return was;
    while (was > 0 && s->v[was - 1][x->column] == s->v[was][x->column])
        was--;
    return was;
}

/* Growth of a second column, which the first is told for; 0: none, or not known. */
static double divisor(const struct kr_run_samples *s, size_t i, size_t at, const struct series *x)
{
    uint64_t to = s->v[i][x->per], from = at == SIZE_MAX ? 0 : s->v[at][x->per];
    if (x->per == KR_RUN_AT_us)
        return (double)(to - from ? to - from : 1) / 1e6;
    return to == UINT64_MAX || from == UINT64_MAX || to < from ? 0 : (double)(to - from);
}

double account_value(const struct kr_run_samples *s, size_t i, size_t step, const struct series *x)
{
    size_t at = earlier(s, i, step, x);
    uint64_t now = s->v[i][x->column], was = at == SIZE_MAX ? 0 : s->v[at][x->column];
    uint64_t to = s->v[i][KR_RUN_AT_us], from = at == SIZE_MAX ? 0 : s->v[at][KR_RUN_AT_us];
    uint64_t usual = s->v[s->n - 1][KR_RUN_AT_us] / s->n;
    bool nothing_new = x->slow && at != SIZE_MAX && now == was && i + step < s->n;
    if (now == UINT64_MAX || was == UINT64_MAX || was > now || to - from < usual / 4 || nothing_new)
        return -1; /* the last sample may come right behind the one before */
    double per = divisor(s, i, at, x);
    return per > 0 ? (double)(now - was) * x->scale / per : -1;
}

double account_nice(double v, int *steps)
{
    static const struct {
        double most;
        int steps;
    } nice[] = {{1, 5}, {1.5, 3}, {2, 4}, {2.5, 5}, {3, 3},
                {4, 4}, {5, 5},   {6, 3}, {8, 4},   {10, 5}};
    double unit = 1;
    while (v >= unit * 10)
        unit *= 10;
    while (v > 0 && v < unit)
        unit /= 10;
    for (size_t i = 0; i < sizeof nice / sizeof *nice; i++)
        if (v <= nice[i].most * unit * 1.0001) {
            *steps = nice[i].steps;
            return nice[i].most * unit;
        }
    *steps = 5;
    return 10 * unit;
}

static double greatest(const struct kr_run_samples *s, size_t step, const struct series *x,
                       size_t n, size_t *points)
{
    double most = 0;
    *points = 0;
    for (size_t k = 0; k < n; k++)
        for (size_t i = step - 1; i < s->n; i += step) {
            double v = account_value(s, i, step, &x[k]);
            *points += v >= 0;
            most = v > most ? v : most;
        }
    return most;
}

/* "1,500", "0.5", "12k" would be shorter and is read slower. */
static void say_value(double v, double most, FILE *out)
{
    char n[32];
    if (most < 5)
        fprintf(out, "%.*f", most < 1 ? 2 : 1, v);
    else
        fputs(account_count((uint64_t)(v + 0.5), n), out);
}

static void axis_y(double most, int steps, const char *unit, FILE *out)
{
    for (int i = 0; i <= steps; i++) {
        double y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - (double)i / steps);
        fprintf(out,
                "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text class=\"tick\" x=\"%d\" "
                "y=\"%.1f\" text-anchor=\"end\">",
                LEFT, y, WIDTH - RIGHT, LEFT - 8, y + 4);
        say_value(most * i / steps, most, out);
        fputs("</text>", out);
    }
    fprintf(out, "<text class=\"unit\" x=\"0\" y=\"12\">%s</text>", unit);
}

static void axis_x(double seconds, FILE *out)
{
    static const double steps[] = {0.1, 0.2, 0.5, 1,   2,    5,    10,   15,    30,    60,
                                   120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400};
    size_t i = 0;
    while (i + 1 < sizeof steps / sizeof *steps && seconds / steps[i] > 10)
        i++;
    unsigned marks = (unsigned)(seconds * 1.001 / steps[i]);
    for (unsigned k = 0; k <= marks; k++) {
        double t = k * steps[i];
        double x = LEFT + (WIDTH - LEFT - RIGHT) * t / seconds;
        fprintf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", x,
                HEIGHT - BOTTOM + 18);
        if (seconds < 120)
            fprintf(out, "%.*f s", steps[i] < 1 ? 1 : 0, t);
        else
            fprintf(out, "%d:%02d", (int)t / 60, (int)t % 60);
        fputs("</text>", out);
    }
}

static void line(const struct kr_run_samples *s, size_t step, const struct series *x, double most,
                 double seconds, FILE *out)
{
    bool down = false;
    fprintf(out, "<path class=\"line %s\" d=\"", x->class);
    for (size_t i = step - 1; i < s->n; i += step) {
        double v = account_value(s, i, step, x);
        double t = (double)s->v[i][KR_RUN_AT_us] / 1e6;
        if (v >= 0)
            fprintf(out, "%s%.1f %.1f", down ? "L" : "M",
                    LEFT + (WIDTH - LEFT - RIGHT) * t / seconds,
                    TOP + (HEIGHT - TOP - BOTTOM) * (1 - v / most));
        down = v >= 0 || (down && x->slow);
    }
    fputs("\"/>", out);
}

static bool is_drawn(const struct kr_run_samples *s, size_t step, const struct series *x)
{
    size_t points;
    greatest(s, step, x, 1, &points);
    return points > 0;
}

static void legend(const struct kr_run_samples *s, size_t step, const struct series *x, size_t n,
                   FILE *out)
{
    fputs("<ul class=\"legend\">", out);
    for (size_t k = 0; k < n; k++)
        if (is_drawn(s, step, &x[k]))
            fprintf(out,
                    "<li><svg class=\"key\" viewBox=\"0 0 26 10\" aria-hidden=\"true\"><path "
                    "class=\"line %s\" d=\"M0 5H26\"/></svg>%s</li>",
                    x[k].class, x[k].name);
    fputs("</ul>\n", out);
}

static void open_svg(const char *id, const char *title, const char *what, int height, FILE *out)
{
    fprintf(out,
            "<div class=\"plot\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-t "
            "%s-d\"><title id=\"%s-t\">%s</title><desc id=\"%s-d\">%s</desc>",
            WIDTH, height, id, id, id, title, id, what);
}

bool account_plot_time(const struct kr_run *r, const char *id, const char *title, const char *unit,
                       const struct series *x, size_t n, FILE *out)
{
    const struct kr_run_samples *s = &r->samples;
    size_t step = s->n / POINTS + 1, points;
    int steps;
    if (s->n < 2)
        return false;
    double most = account_nice(greatest(s, step, x, n, &points), &steps);
    double seconds = (double)s->v[s->n - 1][KR_RUN_AT_us] / 1e6;
    if (points < 2 || seconds <= 0)
        return false;
    legend(s, step, x, n, out);
    open_svg(id, title, "The table below says the same in figures.", HEIGHT, out);
    axis_y(most, steps, unit, out);
    axis_x(seconds, out);
    for (size_t k = 0; k < n; k++)
        line(s, step, &x[k], most, seconds, out);
    fputs("</svg></div>\n", out);
    return true;
}

/* ---- answers by provider ----------------------------------------------------------------------*/

#define BAR 30
#define NAME 170
#define NAME_MOST 20 /* characters that fit there */
#define SHOWN 24

static const struct {
    const char *number, *class, *word;
} parts[] = {{"messages", "accepted", "accepted"},
             {"messages_refused", "refused", "refused"},
             {"messages_deferred", "deferred", "deferred"}};
#define PARTS (sizeof parts / sizeof *parts)

static uint64_t answers(const struct kr_run_provider *p)
{
    uint64_t sum = 0;
    for (size_t k = 0; k < PARTS; k++)
        sum += kr_numbers_get(&p->n, parts[k].number);
    return sum;
}

/* The table beside it has the whole of it. */
static void say_name(const char *name, FILE *out)
{
    char cut[4 * NAME_MOST + 1];
    size_t n = 0, characters = 0;
    while (n < sizeof cut - 1 && name[n]) {
        characters += ((unsigned char)name[n] & 0xc0) != 0x80;
        if (characters == NAME_MOST)
            break;
        n++;
    }
    snprintf(cut, sizeof cut, "%.*s", (int)n, name);
    report_xml(cut, out);
    fputs(name[n] ? "…" : "", out);
}

static void bar(const struct kr_run_provider *p, double y, double most, FILE *out)
{
    double x = NAME;
    char n[32];
    fprintf(out, "<text class=\"name\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", NAME - 10,
            y + 15);
    say_name(p->name, out);
    fputs("</text>", out);
    for (size_t k = 0; k < PARTS; k++) {
        uint64_t v = kr_numbers_get(&p->n, parts[k].number);
        double w = (WIDTH - NAME - 90) * (double)v / most;
        if (v)
            fprintf(out,
                    "<rect class=\"bar %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"20\">"
                    "<title>%s %s</title></rect>",
                    parts[k].class, x, y, w < 1 ? 1 : w, account_count(v, n), parts[k].word);
        x += w;
    }
    fprintf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%s</text>", x + 8, y + 15,
            account_count(answers(p), n));
}

bool account_plot_providers(const struct kr_run *r, FILE *out)
{
    double most = 0;
    size_t rows = r->n_providers < SHOWN ? r->n_providers : SHOWN;
    for (size_t i = 0; i < r->n_providers; i++)
        most = (double)answers(&r->providers[i]) > most ? (double)answers(&r->providers[i]) : most;
    if (most <= 0)
        return false;
    fputs("<ul class=\"legend\">", out);
    for (size_t k = 0; k < PARTS; k++)
        fprintf(
            out,
            "<li><svg class=\"key\" viewBox=\"0 0 26 10\" aria-hidden=\"true\"><rect class=\"bar "
            "%s\" width=\"26\" height=\"10\"/></svg>%s</li>",
            parts[k].class, parts[k].word);
    fputs("</ul>\n", out);
    open_svg("providers", "Answers of the sink by provider", "A bar for each provider.",
             (int)rows * BAR + 6, out);
    for (size_t i = 0; i < rows; i++)
        bar(&r->providers[i], (double)i * BAR + 4, most, out);
    fputs("</svg></div>\n", out);
    return true;
}

/* ---- latency ----------------------------------------------------------------------------------*/

#define DECADES 6 /* 10 us to 10 s */
#define LEAST 10.0

/* The decimal logarithm to a thousandth, digit by digit; libm would be loaded at every start. */
static double decades(double v)
{
    double whole = 0, part = 0, bit = 1;
    while (v >= 10) {
        v /= 10;
        whole++;
    }
    for (int i = 0; i < 10; i++) {
        v *= v;
        bit /= 2;
        if (v >= 10) {
            v /= 10;
            part += bit;
        }
    }
    return whole + part;
}

static double at_us(uint64_t us)
{
    double v = (double)us < LEAST ? 0 : decades((double)us / LEAST) / DECADES;
    return NAME + 40 + (WIDTH - NAME - 60) * (v > 1 ? 1 : v);
}

static void scale(double bottom, FILE *out)
{
    static const char *const names[DECADES + 1] = {"10 us",  "100 us", "1 ms", "10 ms",
                                                   "100 ms", "1 s",    "10 s"};
    for (int i = 0; i <= DECADES; i++) {
        double x = NAME + 40 + (WIDTH - NAME - 60) * (double)i / DECADES;
        fprintf(out,
                "<path class=\"grid\" d=\"M%.1f 4V%.1f\"/><text class=\"tick\" x=\"%.1f\" "
                "y=\"%.1f\" text-anchor=\"%s\">%s</text>",
                x, bottom, x, bottom + 18, i == DECADES ? "end" : "middle", names[i]);
    }
}

static void dot(uint64_t us, double y, const char *class, const char *word, FILE *out)
{
    char text[24];
    if (us != UINT64_MAX)
        fprintf(out,
                "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"><title>%s %s</title>"
                "</circle>",
                class, at_us(us), y, word, account_time(us, text));
}

static void latency_row(const struct kr_run_latency *l, double y, FILE *out)
{
    fprintf(out, "<text class=\"name\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", NAME + 26, y + 4);
    report_xml(l->who, out);
    fputs(", ", out);
    report_xml(l->kind, out);
    fputs("</text>", out);
    if (l->p50 != UINT64_MAX && l->max != UINT64_MAX)
        fprintf(out, "<path class=\"span\" d=\"M%.1f %.1fH%.1f\"/>", at_us(l->p50), y,
                at_us(l->max));
    dot(l->max, y, "max", "max", out);
    dot(l->p99, y, "p99", "p99", out);
    dot(l->p50, y, "p50", "p50", out);
}

bool account_plot_latency(const struct kr_run *r, FILE *out)
{
    static const char *const marks[] = {"p50", "p99", "max"};
    size_t rows = 0, at = 0;
    for (size_t i = 0; i < r->n_latencies && rows < SHOWN; i++)
        rows += r->latencies[i].count != 0;
    if (!rows)
        return false;
    fputs("<ul class=\"legend\">", out);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        fprintf(out,
                "<li><svg class=\"key\" viewBox=\"0 0 26 10\" aria-hidden=\"true\"><circle "
                "class=\"dot %s\" cx=\"13\" cy=\"5\" r=\"4\"/></svg>%s</li>",
                marks[i], marks[i]);
    fputs("</ul>\n", out);
    open_svg("latency", "Latencies, on a logarithmic scale", "From the median to the greatest.",
             (int)rows * BAR + 34, out);
    scale((double)rows * BAR + 8, out);
    for (size_t i = 0; i < r->n_latencies && at < rows; i++)
        if (r->latencies[i].count)
            latency_row(&r->latencies[i], (double)at++ * BAR + 20, out);
    fputs("</svg></div>\n", out);
    return true;
}
