/* The options of down, status, restore and watch. */
#ifndef KR_DOWN_OPTIONS_H
#define KR_DOWN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct kr_down_options {
    const char *kumomta_url;
    uint64_t wait; /* seconds; 0: not at all */
    bool force, purge, yes;
};
struct kr_status_options {
    bool watch;
    uint64_t every; /* seconds; 0: 1 */
};
struct kr_restore_options {
    bool guards;
};
struct kr_watch_command {
    const char *hook;
    uint64_t signal; /* a process; 0: none */
    bool exit_on_breach;
};

#endif
