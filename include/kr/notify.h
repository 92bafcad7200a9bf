/* Telling the service manager how we are (sd_notify(3)): a datagram to $NOTIFY_SOCKET. */
#ifndef KR_NOTIFY_H
#define KR_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Takes the socket's name and the watchdog's interval out of the environment, so that no child
 * inherits them. Call once. */
void kr_notify_setup(void);
/* "READY=1", "WATCHDOG=1", "STATUS=…"; lines. Does nothing without a manager; what can't be sent is
 * lost, and the watchdog is what notices. */
void kr_notify(const char *state);
/* How often WATCHDOG=1 is due, in microseconds, half of what the manager grants; 0: no watchdog. */
uint64_t kr_notify_interval(void);

#endif
