/* Network sysctls (proc(5), Documentation/networking/ip-sysctl.rst) of this thread's network
 * namespace. */
#ifndef KR_SYSCTL_H
#define KR_SYSCTL_H

struct kr_err;

/* `name` with slashes, below net: "ipv4/ip_forward". Returns 1 with the number in *out; 0: there is
 * no such sysctl (a module that is not loaded, an older kernel); -1 (KR_UNKNOWN): unreadable. */
int kr_sysctl_read(const char *name, long *out, struct kr_err *e);

/* One value of a sysctl that each device has; `device` may be "all" and "default" too. */
typedef void (*kr_sysctl_row)(const char *device, long value, void *arg);
/* Reads net/FAMILY/conf/DEVICE/NAME ("ipv4", "route_localnet") for every device. A device that went
 * meanwhile is left out. Returns as above; 0: no device has it. */
int kr_sysctl_each(const char *family, const char *name, kr_sysctl_row row, void *arg,
                   struct kr_err *e);

#endif
