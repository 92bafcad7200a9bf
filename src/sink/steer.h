/* What the master answers, and what it changes when told to. */
#ifndef KR_STEER_H
#define KR_STEER_H

#include "master_internal.h"

/* How each answer begins that is not the account, as contrib/schema/sink-control.schema.json says.
 */
#define ANSWER "{\"schema\":\"kumo-sink/control/1\","

/* answers.c: with the `listed` busiest destinations, 0: all. */
struct kr_sink_about about_sink(const struct master *m, size_t listed);
int stats_line(struct master *m, size_t listed, struct kr_buf *out, struct kr_err *e);
/* A command of the control socket, and how many octets come after its line; false: the answer comes
 * at the end. */
size_t command_body(void *master, const char *line);
bool run_command(void *master, const char *line, const struct kr_buf *body, struct kr_buf *out);
void say_error(struct kr_buf *out, const char *why);

/* control_policy.c: commands about the policy and the switches; false: it is none. */
bool run_steering(struct master *m, const char *line, const struct kr_buf *body,
                  struct kr_buf *out);
void name_steering(struct kr_buf *out); /* their forms, after others in a list */
bool do_policy(struct master *m, struct kr_buf *out);

/* reload.c: reads --policy and gives it to the workers; the old one stays when that fails. */
int load_policy(struct master *m, struct kr_err *e);
void reload_policy(struct master *m);

/* steer.c: changes what is in force, or (-1) leaves it. `name` and `text` NULL: no policy. */
int steer_text(struct master *m, const char *name, const char *text, size_t len, struct kr_err *e);
int steer_seed(struct master *m, const char *seed, struct kr_err *e); /* NULL: the policy's own */
/* `key` NULL: all of that target; `target` NULL too: all. `value` NULL: as the policy says. */
int steer_set(struct master *m, const char *target, const char *key, const char *value,
              struct kr_err *e);
void steer_free(struct master *m);

#endif
