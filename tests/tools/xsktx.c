/*
 * Sends frames by an AF_XDP socket, in generic copy mode, on queue 0 of DEV: below every packet
 * rule.
 *
 *   xsktx DEV
 *
 * Prints "ready" when the socket is bound. Each line of its input is a frame in hex, Ethernet
 * header and all; "sent" follows when the kernel took it. Ends with its input.
 */
#include <errno.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SLOTS = 4, SLOT = 2048, WAIT_MS = 1000 };

static struct {
    int fd;
    uint8_t *frames;
    uint32_t *produced, *completed;
    struct xdp_desc *descs;
} xsk;

static void die(const char *what)
{
    printf("error %s: %s\n", what, strerror(errno));
    exit(1);
}

static void set(int option, const void *value, size_t n)
{
    if (setsockopt(xsk.fd, SOL_XDP, option, value, (socklen_t)n))
        die("setsockopt");
}

static uint8_t *ring(size_t n, off_t at)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, xsk.fd, at);
    if (p == MAP_FAILED)
        die("ring");
    return p;
}

/* A fill ring is asked for, though nothing is ever received. */
static void make_rings(void)
{
    static const int slots = SLOTS;
    struct xdp_mmap_offsets o;
    socklen_t n = sizeof o;
    set(XDP_UMEM_FILL_RING, &slots, sizeof slots);
    set(XDP_UMEM_COMPLETION_RING, &slots, sizeof slots);
    set(XDP_TX_RING, &slots, sizeof slots);
    if (getsockopt(xsk.fd, SOL_XDP, XDP_MMAP_OFFSETS, &o, &n))
        die("offsets");
    uint8_t *tx = ring(o.tx.desc + SLOTS * sizeof *xsk.descs, XDP_PGOFF_TX_RING);
    uint8_t *done = ring(o.cr.desc + SLOTS * sizeof(uint64_t), XDP_UMEM_PGOFF_COMPLETION_RING);
    xsk.produced = (void *)(tx + o.tx.producer);
    xsk.descs = (void *)(tx + o.tx.desc);
    xsk.completed = (void *)(done + o.cr.producer);
}

static void open_on(const char *dev)
{
    xsk.fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    xsk.frames = aligned_alloc(4096, (size_t)SLOTS * SLOT);
    if (xsk.fd < 0 || !xsk.frames)
        die("AF_XDP");
    struct xdp_umem_reg memory = {
        .addr = (uintptr_t)xsk.frames, .len = (uint64_t)SLOTS * SLOT, .chunk_size = SLOT};
    set(XDP_UMEM_REG, &memory, sizeof memory);
    make_rings();
    struct sockaddr_xdp a = {
        .sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY, .sxdp_ifindex = if_nametoindex(dev)};
    if (bind(xsk.fd, (struct sockaddr *)&a, sizeof a))
        die("bind");
}

static unsigned hex(const char *text, uint8_t *out)
{
    unsigned n = 0;
    while (n < SLOT && sscanf(text + (size_t)n * 2, "%2hhx", out + n) == 1)
        n++;
    return n;
}

/* The kernel may be busy with the queue: it is asked again until the frame is completed. */
static void send_frame(const char *text, uint32_t number)
{
    uint32_t slot = number % SLOTS;
    xsk.descs[slot].addr = (uint64_t)slot * SLOT;
    xsk.descs[slot].len = hex(text, xsk.frames + (size_t)slot * SLOT);
    xsk.descs[slot].options = 0;
    __atomic_store_n(xsk.produced, number + 1, __ATOMIC_RELEASE);
    for (int i = 0; i < WAIT_MS; i++) {
        if (sendto(xsk.fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN && errno != EBUSY)
            die("sendto");
        if (__atomic_load_n(xsk.completed, __ATOMIC_ACQUIRE) == number + 1) {
            puts("sent");
            return;
        }
        poll(NULL, 0, 1);
    }
    die("not sent");
}

int main(int argc, char **argv)
{
    char line[2 * SLOT + 2];
    if (argc != 2)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    open_on(argv[1]);
    puts("ready");
    /* The completion ring is never emptied, so it has room for as many frames as slots. */
    for (uint32_t n = 0; n < SLOTS && fgets(line, sizeof line, stdin); n++)
        send_frame(line, n);
    return 0;
}
