/* That a run is under way in this network namespace, for whoever comes next. The note is locked as
 * long as the run lives; one that nobody holds was left by a run that was killed. */
#ifndef KR_RUN_NOTE_H
#define KR_RUN_NOTE_H

#include <kr/state.h>

/* Writes it; the descriptor holds it. -1: KR_CANNOT, also when a run lives. */
int kr_run_note_begin(const struct kr_paths *paths, const char *command, struct kr_err *e);
void kr_run_note_end(const struct kr_paths *paths, int fd);
/* 1: a run lives; 2: one was killed; 0: neither. `said` gets a sentence about it. */
int kr_run_note_look(const struct kr_paths *paths, char said[static 400]);
void kr_run_note_forget(const struct kr_paths *paths); /* of a run that was killed */

#endif
