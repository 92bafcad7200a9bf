/* Text that comes from outside, made harmless for where it is put. */
#ifndef KR_REPORT_ESCAPE_H
#define KR_REPORT_ESCAPE_H

#include <stdbool.h>
#include <stdio.h>

/* XML and HTML, in text and in double-quoted attributes. What XML 1.0 does not allow (control
 * characters, broken UTF-8) becomes "?". */
void report_xml(const char *s, FILE *out);
void report_xml_attr(const char *name, const char *value, FILE *out); /* with a space before */
/* A value of a GitHub workflow command: %, CR and LF; in a property `:` and `,` too. */
void report_github(const char *s, bool property, FILE *out);
/* A double-quoted YAML scalar. */
void report_yaml(const char *s, FILE *out);
/* A cell of a table in GitHub's Markdown: nothing of it is markup, no line ends. */
void report_markdown(const char *s, FILE *out);
/* One line for a terminal: control characters become "?". */
void report_line(const char *s, FILE *out);

#endif
