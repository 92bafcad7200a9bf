#include <kr/persist.h>

#include <kr/err.h>
#include <kr/file.h>
#include <kr/mem.h>
#include <kr/state.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNITS "/etc/systemd/system"
#define GUARD "kumo-redirect-guard.service"
#define RESTORE "kumo-redirect-restore.service"

/* The mail servers' own units; one that isn't there is no harm. */
static const char *const servers[] = {"kumomta", "postfix", "postfix@",   "postfix@-",
                                      "exim4",   "exim",    "sendmail",   "opensmtpd",
                                      "haraka",  "pmta",    "nullmailer", "stalwart-mail"};
#define N_SERVERS (sizeof servers / sizeof *servers)

/* In: NAME.requires or NAME.wants. */
static const struct {
    const char *folder, *unit;
} links[] = {{"sysinit.target.wants", GUARD}, {"multi-user.target.wants", RESTORE}};
#define N_LINKS (sizeof links / sizeof *links)

static const char guard_text[] =
    "# Written by kumo-redirect up --persist, removed by kumo-redirect down.\n"
    "[Unit]\n"
    "Description=Guard this host's SMTP before the network comes up (kumo-redirect)\n"
    "Documentation=man:kumo-redirect(8)\n"
    "DefaultDependencies=no\n"
    "After=local-fs.target systemd-modules-load.service\n"
    "RequiresMountsFor=" KR_PERSIST_DIR "\n"
    "Conflicts=shutdown.target\n"
    "Before=network-pre.target shutdown.target%s\n"
    "\n"
    "[Service]\n"
    "Type=oneshot\n"
    "RemainAfterExit=yes\n"
    "TimeoutStartSec=60\n"
    "ExecStart=%s --config /dev/null restore --guards\n";

/* The sink goes on running in the unit's cgroup. */
static const char restore_text[] =
    "# Written by kumo-redirect up --persist, removed by kumo-redirect down.\n"
    "[Unit]\n"
    "Description=Bring the SMTP redirect of kumo-redirect back\n"
    "Documentation=man:kumo-redirect(8)\n"
    "Requires=" GUARD "\n"
    "Wants=network-online.target kumo-redirect-watch.service\n"
    "After=network-online.target " GUARD "\n"
    "Before=kumo-redirect-watch.service%s\n"
    "\n"
    "[Service]\n"
    "Type=oneshot\n"
    "RemainAfterExit=yes\n"
    "KillMode=process\n"
    "TimeoutStartSec=120\n"
    "ExecStart=%s --config /dev/null restore\n";

static int make_folder(const char *path, struct kr_err *e)
{
    if (mkdir(path, 0755) && errno != EEXIST)
        return kr_fail(e, KR_CANNOT, errno, "making %s", path);
    return 0;
}

static int make_link(const char *folder, const char *unit, struct kr_err *e)
{
    char path[PATH_MAX], to[128];
    snprintf(path, sizeof path, UNITS "/%s", folder);
    if (make_folder(path, e))
        return -1;
    snprintf(path, sizeof path, UNITS "/%s/%s", folder, unit);
    snprintf(to, sizeof to, "../%s", unit);
    if (symlink(to, path) && errno != EEXIST)
        return kr_fail(e, KR_CANNOT, errno, "linking %s", path);
    return 0;
}

/* A folder that is empty then was ours, or might as well be gone. */
static int drop_link(const char *folder, const char *unit, struct kr_err *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, UNITS "/%s/%s", folder, unit);
    if (unlink(path) && errno != ENOENT && errno != ENOTDIR)
        return kr_fail(e, KR_CANNOT, errno, "removing %s", path);
    snprintf(path, sizeof path, UNITS "/%s", folder);
    rmdir(path);
    return 0;
}

static int each_link(int (*f)(const char *folder, const char *unit, struct kr_err *e),
                     struct kr_err *e)
{
    for (size_t i = 0; i < N_LINKS; i++)
        if (f(links[i].folder, links[i].unit, e))
            return -1;
    for (size_t i = 0; i < N_SERVERS; i++) {
        char folder[64];
        snprintf(folder, sizeof folder, "%s.service.requires", servers[i]);
        if (f(folder, GUARD, e))
            return -1;
    }
    return 0;
}

static int write_unit(const char *path, const char *format, struct kr_err *e)
{
    char program[PATH_MAX];
    KR_AUTO_BUF struct kr_buf text = {0}, before = {0};
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0)
        return kr_fail(e, KR_CANNOT, errno, "finding out where this program is");
    program[n] = '\0';
    if (strpbrk(program, " \t\"'\\%$;"))
        return kr_fail(e, KR_CANNOT, 0, "'%s' can't be put into a unit", program);
    for (size_t i = 0; i < N_SERVERS; i++)
        kr_buf_printf(&before, " %s.service", servers[i]);
    const char *at = strstr(format, "%s");
    const char *second = strstr(at + 2, "%s");
    kr_buf_add(&text, format, (size_t)(at - format));
    kr_buf_printf(&text, "%s", before.s);
    kr_buf_add(&text, at + 2, (size_t)(second - at - 2));
    kr_buf_printf(&text, "%s%s", program, second + 2);
    return kr_file_replace(path, text.s, KR_FILE_PLAIN, e);
}

static int sync_units(struct kr_err *e)
{
    KR_AUTO_FD int fd = open(UNITS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || syncfs(fd) ? kr_fail(e, KR_CANNOT, errno, "syncing " UNITS) : 0;
}

int kr_units_install(struct kr_err *e)
{
    return make_folder("/etc/systemd", e) || make_folder(UNITS, e) ||
                   write_unit(UNITS "/" GUARD, guard_text, e) ||
                   write_unit(UNITS "/" RESTORE, restore_text, e) || each_link(make_link, e) ||
                   sync_units(e)
               ? -1
               : 0;
}

/* Links first: a link to a unit that is gone would keep the mail servers from starting. */
int kr_units_remove(struct kr_err *e)
{
    static const char *const files[] = {UNITS "/" RESTORE, UNITS "/" GUARD};
    if (!kr_units_there())
        return 0;
    if (each_link(drop_link, e))
        return -1;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (unlink(files[i]) && errno != ENOENT)
            return kr_fail(e, KR_CANNOT, errno, "removing %s", files[i]);
    return 0;
}

bool kr_units_there(void)
{
    return access(UNITS "/" GUARD, F_OK) == 0 || access(UNITS "/" RESTORE, F_OK) == 0;
}

bool kr_units_are_read(void)
{
    return access("/run/systemd/system", F_OK) == 0;
}
