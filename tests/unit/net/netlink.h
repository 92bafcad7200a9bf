/* Netlink messages made by hand. */
#ifndef KR_TEST_NETLINK_H
#define KR_TEST_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>

struct a_message {
    struct nlmsghdr h;
    char body[1024];
};

static inline void a_begin(struct a_message *m, int type, const void *head, size_t len)
{
    memset(m, 0, sizeof *m);
    m->h.nlmsg_type = (uint16_t)type;
    m->h.nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
    memcpy(m->body, head, len);
}

/* Puts an attribute and returns it: an_end() makes it a nest of what came behind it. */
static inline struct rtattr *an_attr(struct a_message *m, int type, const void *data, size_t len)
{
    struct rtattr *a = (void *)((char *)m + NLMSG_ALIGN(m->h.nlmsg_len));
    a->rta_type = (uint16_t)type;
    a->rta_len = (uint16_t)RTA_LENGTH(len);
    if (len)
        memcpy(RTA_DATA(a), data, len);
    m->h.nlmsg_len = NLMSG_ALIGN(m->h.nlmsg_len) + (uint32_t)RTA_ALIGN(a->rta_len);
    return a;
}

static inline void a_text(struct a_message *m, int type, const char *s)
{
    an_attr(m, type, s, strlen(s) + 1);
}

static inline void a_u32(struct a_message *m, int type, uint32_t v)
{
    an_attr(m, type, &v, sizeof v);
}

static inline void an_end(struct a_message *m, struct rtattr *nest)
{
    nest->rta_len = (uint16_t)((char *)m + m->h.nlmsg_len - (char *)nest);
}

#endif
