#include <kr/drop.h>

#include <kr/caps.h>
#include <kr/err.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <unistd.h>

static int find_user(const char *name, struct passwd *out, struct kr_err *e)
{
    errno = 0;
    const struct passwd *pw = getpwnam(name);
    if (!pw)
        return kr_fail(e, KR_CANNOT, errno, "there is no user '%s'", name);
    if (pw->pw_uid == 0)
        return kr_fail(e, KR_USAGE, 0, "--user '%s' is root; this never runs as root", name);
    *out = *pw;
    return 0;
}

/* The bounding set can be emptied only while CAP_SETPCAP is there; a container may lack it. */
static int empty_bounds(struct kr_err *e)
{
    if (!kr_caps_have(CAP_SETPCAP))
        return 0;
    return kr_caps_empty_bounds()
               ? kr_fail(e, KR_CANNOT, errno, "can't empty the capability bounding set")
               : 0;
}

static int become(const char *user, struct passwd *pw, struct kr_err *e)
{
    if (find_user(user, pw, e) || empty_bounds(e))
        return -1;
    if (setgroups(0, NULL))
        return kr_fail(e, KR_CANNOT, errno, "setgroups");
    if (setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid))
        return kr_fail(e, KR_CANNOT, errno, "setresgid for '%s'", user);
    if (setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid))
        return kr_fail(e, KR_CANNOT, errno, "setresuid for '%s'", user);
    return 0;
}

static int prove_user(const struct passwd *pw, struct kr_err *e)
{
    uid_t u[3];
    gid_t g[3];
    if (getresuid(&u[0], &u[1], &u[2]) || getresgid(&g[0], &g[1], &g[2]) || getgroups(0, NULL))
        return kr_fail(e, KR_CANNOT, 0, "other groups are left, or the user can't be read");
    for (int i = 0; i < 3; i++)
        if (u[i] != pw->pw_uid || g[i] != pw->pw_gid)
            return kr_fail(e, KR_CANNOT, 0, "still user %u, group %u", u[i], g[i]);
    return 0;
}

static int prove_powerless(struct kr_err *e)
{
    uid_t u[3];
    if (getresuid(&u[0], &u[1], &u[2]) || !u[0] || !u[1] || !u[2])
        return kr_fail(e, KR_CANNOT, 0, "still root");
    if (!kr_caps_none())
        return kr_fail(e, KR_CANNOT, 0, "capabilities are left");
    for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
            return kr_fail(e, KR_CANNOT, 0, "ambient capability %d is left", cap);
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return kr_fail(e, KR_CANNOT, 0, "no_new_privs is not set");
    if (setuid(0) == 0)
        return kr_fail(e, KR_CANNOT, 0, "root can be had back");
    return 0;
}

static int shed(struct kr_err *e)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return kr_fail(e, KR_CANNOT, errno, "no_new_privs");
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
        return kr_fail(e, KR_CANNOT, errno, "ambient capabilities");
    if (kr_caps_keep(NULL, 0))
        return kr_fail(e, KR_CANNOT, errno, "can't drop the capabilities");
    return prove_powerless(e);
}

int kr_drop(const char *user, struct kr_err *e)
{
    struct passwd pw = {0};
    bool root = geteuid() == 0 || getuid() == 0;
    if (root && (become(user ? user : "nobody", &pw, e) || prove_user(&pw, e)))
        return kr_wrap(e, "dropping privileges");
    if (!root && user && (find_user(user, &pw, e) || pw.pw_uid != getuid()))
        return kr_fail(e, KR_CANNOT, 0, "--user '%s' needs root to become that user", user);
    return shed(e) ? kr_wrap(e, "dropping privileges") : 0;
}
