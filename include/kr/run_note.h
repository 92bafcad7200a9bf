/* That a run is under way in this network namespace, for whoever comes next. The note is locked as
 * long as the run lives; one that nobody holds was left by a run that was killed. */
#ifndef KR_RUN_NOTE_H
#define KR_RUN_NOTE_H

#include <kr/state.h>

enum kr_run_note_is { KR_RUN_NONE, KR_RUN_UNDER_WAY, KR_RUN_KILLED };
struct kr_run_note {
    enum kr_run_note_is is;
    pid_t pid; /* the run's; 0: not known */
    char since[40], command[201];
};

/* Writes it; the descriptor holds it. -1: KR_CANNOT, also when a run lives. */
int kr_run_note_begin(const struct kr_paths *paths, const char *command, struct kr_err *e);
void kr_run_note_end(const struct kr_paths *paths, int fd);
void kr_run_note_read(const struct kr_paths *paths, struct kr_run_note *out);
/* A sentence about a run that lives or was killed. */
void kr_run_note_say(const struct kr_run_note *n, char said[static 400]);
void kr_run_note_forget(const struct kr_paths *paths); /* of a run that was killed */

#endif
