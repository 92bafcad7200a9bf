/* For kumo-sink-tls. */
#include "secure.h"

#include "worker_internal.h"

#include <kr/sink_ca.h>

static const struct secure openssl = {.make = kr_tls_make,
                                      .release = kr_tls_free,
                                      .ca = kr_ca_command,
                                      .send = conn_tls_send,
                                      .recv = conn_tls_recv,
                                      .pending = conn_tls_pending,
                                      .begin = conn_tls_begin,
                                      .handshake = conn_tls_handshake,
                                      .wants_write = conn_tls_wants_write,
                                      .bye = conn_tls_bye,
                                      .end = conn_tls_end};
const struct secure *const secure = &openssl;
