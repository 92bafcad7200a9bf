/*
 * Draws lines in what a witness (witness.c) sees. For each NAME read from stdin: every packet that
 * was on its way before is seen first, then the witness prints "mark NAME".
 *
 *   mark TX RX <NAMES      TX and RX are the two ends of a veth pair in the witness's namespace
 *
 * Packets between namespaces wait in the queue of the CPU that sent them, once for each veth on
 * their way. So one frame is sent from every CPU and awaited, and that as often as a packet of the
 * lab can hop; only the last frame carries the text.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MARK_TYPE = 0x88b5,
    HOPS = 5,
    WAIT_MS = 2000,
    FRAME = 128,
};

static int open_on(const char *dev)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(MARK_TYPE),
                             .sll_ifindex = (int)if_nametoindex(dev)};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(MARK_TYPE));
    if (fd < 0 || !at.sll_ifindex || bind(fd, (struct sockaddr *)&at, sizeof at))
        return -1;
    return fd;
}

static int await(int fd, const char *frame)
{
    char got[FRAME];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, WAIT_MS) == 1) {
        ssize_t n = recv(fd, got, sizeof got, 0);
        if (n == FRAME && !memcmp(got, frame, FRAME))
            return 0;
    }
    return -1;
}

static int pass(int tx, int rx, const char *text)
{
    char frame[FRAME] = "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5";
    snprintf(frame + 14, sizeof frame - 14, "%s", text);
    if (send(tx, frame, sizeof frame, 0) != (ssize_t)sizeof frame)
        return -1;
    return await(rx, frame);
}

/* A CPU this process may not run on cannot be waited for; the lab's programs share its mask. */
static int pass_from(int cpu, int tx, int rx, const char *text)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) ? 0 : pass(tx, rx, text);
}

static int mark(int tx, int rx, const char *name)
{
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    char text[FRAME - 14];
    for (int hop = 0; hop < HOPS; hop++)
        for (int cpu = 0; cpu < cpus; cpu++) {
            snprintf(text, sizeof text, "flush %s %d %d", name, hop, cpu);
            if (pass_from(cpu, tx, rx, text))
                return -1;
        }
    snprintf(text, sizeof text, "KRMARK %s", name);
    return pass(tx, rx, text);
}

int main(int argc, char **argv)
{
    char name[64];
    int tx = argc == 3 ? open_on(argv[1]) : -1, rx = argc == 3 ? open_on(argv[2]) : -1;
    if (argc != 3 || tx < 0 || rx < 0) {
        fputs("usage: mark TX RX <names\n", stderr);
        return 2;
    }
    puts("ready");
    fflush(stdout);
    while (fgets(name, sizeof name, stdin)) {
        name[strcspn(name, "\n")] = '\0';
        if (mark(tx, rx, name)) {
            fprintf(stderr, "mark: no answer on %s\n", argv[2]);
            return 1;
        }
    }
    return 0;
}
