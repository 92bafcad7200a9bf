/* up --persist: what has to stand again after a reboot, and the systemd units that see to it. */
#ifndef KR_PERSIST_H
#define KR_PERSIST_H

#include <kr/buf.h>
#include <kr/strlist.h>

#include <stdbool.h>

struct kr_err;

#define KR_PERSIST_DIR "/var/lib/kumo-redirect"
#define KR_PERSIST_FILE KR_PERSIST_DIR "/persist.json"

struct kr_persist {
    bool blocked;            /* down had gone that far */
    struct kr_strlist words; /* the options of up, as words of its command line */
    struct kr_buf store;
};
/* Is anything of it there, the record or a unit? */
bool kr_persist_there(void);
/* Is the record of another network namespace than this one? Then only `up --persist` touches it. */
bool kr_persist_foreign(void);
/* Writes the record first, then the units and the links that make the mail servers require them;
 * synced to disk. `words`: as kr_opt_words writes them. Returns 0, or -1 (KR_CANNOT): then not all
 * of it may be there. */
int kr_persist_install(const struct kr_buf *words, bool blocked, struct kr_err *e);
/* From now on it is blocked that is restored, when it is this namespace's. */
int kr_persist_block(struct kr_err *e);
/* 1: read; 0: there is none; -1 (KR_UNKNOWN): it can't be read. */
int kr_persist_read(struct kr_persist *out, struct kr_err *e);
/* Says that it belongs to this network namespace now. */
int kr_persist_adopt(struct kr_err *e);
/* The units first, then the record, when it is this namespace's. Nothing there is fine. */
int kr_persist_remove(struct kr_err *e);
void kr_persist_free(struct kr_persist *p);

/* The units (src/act/persist_unit.c). */
int kr_units_install(struct kr_err *e);
int kr_units_remove(struct kr_err *e);
bool kr_units_there(void);
bool kr_units_are_read(void); /* at boot: systemd is what runs here (sd_booted(3)) */

#endif
