/* Parts of the plan that the plan's own files share. */
#ifndef KR_PLAN_INTERNAL_H
#define KR_PLAN_INTERNAL_H

#include <kr/nft_rule.h>
#include <kr/plan.h>

/* Takes the sinks from the settings, or the built-in one. */
int kr_plan_sinks(const struct kr_settings *s, const struct kr_netview *v, struct kr_plan *p,
                  struct kr_err *e);
/* Each named sink must be on this host or on a neighbour, and no loop. Needs p->lan. */
int kr_plan_check_sinks(const struct kr_netview *v, struct kr_plan *p, struct kr_err *e);

/* The sets of ports and of the LAN that both tables hold under the same names. */
void kr_plan_port_set(struct kr_nft_table *t, const char *name, const struct kr_ports *ports);
void kr_plan_lan_sets(const struct kr_plan *p, struct kr_nft_table *t);
/* Rules that drop what no honest MTA sends and what would defeat an exemption. */
void kr_plan_option_rules(struct kr_nft_chain *c);
/* Accepts guarded ports toward the LAN, by address and device. counter may be NULL. */
void kr_plan_lan_accept(struct kr_nft_chain *c, const char *counter);

/* True when nothing for the built-in sink's range may leave, by whatever device. */
bool kr_plan_keeps_range(const struct kr_plan *p, bool redirect);
/* `redirect`: with what a redirect needs. */
void kr_plan_fence(const struct kr_plan *p, bool redirect, struct kr_nft *r);

#endif
