/* What report is asked for. */
#ifndef KR_REPORT_OPTIONS_H
#define KR_REPORT_OPTIONS_H

#include <kr/strlist.h>

#include <stdint.h>

struct kr_report_options {
    struct kr_strlist audit; /* logs, or "auto" */
    const char *html, *signature;
    uint64_t audit_after; /* seconds */
};

#endif
