/* Plots as inline SVG. Colours are classes, so that the page's style decides them, on paper and in
 * the dark; every plot has a name and a description, and a table beside it says the same. */
#ifndef KR_ACCOUNT_PLOT_H
#define KR_ACCOUNT_PLOT_H

#include <kr/run_record.h>

#include <stdio.h>

struct series {
    const char *name, *class; /* the word in the legend; of its line */
    enum kr_run_column column;
    bool slow;              /* it is said seldom: what is the same as before says nothing new */
    double scale;           /* by which it is multiplied */
    enum kr_run_column per; /* growth for each of these; KR_RUN_AT_us: a second */
};
/* Lines over the time of the run. Draws nothing when no series has two points that are known. */
bool account_plot_time(const struct kr_run *r, const char *id, const char *title, const char *unit,
                       const struct series *s, size_t n, FILE *out);
bool account_plot_providers(const struct kr_run *r, FILE *out);
bool account_plot_latency(const struct kr_run *r, FILE *out);
/* Growth for a second, or what else x->per says, up to sample i, since the sample a step before; a
 * negative one: not known. */
double account_value(const struct kr_run_samples *s, size_t i, size_t step, const struct series *x);
/* A round number not below v, and how many steps to draw up to it. */
double account_nice(double v, int *steps);

#endif
