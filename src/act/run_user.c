#include <kr/run_user.h>

#include <kr/err.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Who was asked on behalf of, in the environment; of these none stays for the command. */
static const char *const told[] = {"SUDO_UID", "PKEXEC_UID", "DOAS_USER"};
static const char *const gone[] = {"SUDO_UID",  "SUDO_GID",   "SUDO_USER", "SUDO_COMMAND",
                                   "SUDO_HOME", "PKEXEC_UID", "DOAS_USER"};

static bool is_number(const char *s)
{
    size_t n = strspn(s, "0123456789");
    return n && n < 10 && !s[n];
}

static void take(const struct passwd *p, struct kr_run_user *out)
{
    *out = (struct kr_run_user){.change = true, .uid = p->pw_uid, .gid = p->pw_gid};
    snprintf(out->name, sizeof out->name, "%s", p->pw_name);
    snprintf(out->home, sizeof out->home, "%s", p->pw_dir);
    snprintf(out->shell, sizeof out->shell, "%s", p->pw_shell);
}

static const struct passwd *look_up(const char *who)
{
    const struct passwd *p = getpwnam(who);
    return p || !is_number(who) ? p : getpwuid((uid_t)strtoul(who, NULL, 10));
}

int kr_run_user_find(const char *name, struct kr_run_user *out, struct kr_err *e)
{
    const char *variable = NULL, *who = name;
    *out = (struct kr_run_user){.uid = getuid(), .gid = getgid()};
    for (size_t i = 0; !who && geteuid() == 0 && i < sizeof told / sizeof *told; i++) {
        variable = told[i];
        who = getenv(told[i]);
    }
    char real[16];
    if (!who && getuid() != geteuid()) {
        snprintf(real, sizeof real, "%u", (unsigned)getuid());
        who = real;
    }
    if (!who)
        return 0;
    const struct passwd *p = look_up(who);
    if (p) {
        take(p, out);
        return 0;
    }
    if (name)
        return kr_fail(e, KR_USAGE, 0, "--user '%s': there is no such user", name);
    return kr_fail(e, KR_UNSAFE, 0,
                   "%s '%s' is no user here; say as whom the command is to run: --user NAME",
                   variable ? variable : "the real user", who);
}

static void tell_environment(const struct kr_run_user *u)
{
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        unsetenv(gone[i]);
    setenv("HOME", u->home, 1);
    setenv("USER", u->name, 1);
    setenv("LOGNAME", u->name, 1);
    setenv("SHELL", *u->shell ? u->shell : "/bin/sh", 1);
}

int kr_run_user_become(const struct kr_run_user *u, struct kr_err *e)
{
    uid_t r, f, s;
    gid_t gr, gf, gs;
    if (!u->change)
        return 0;
    if (initgroups(u->name, u->gid) || setresgid(u->gid, u->gid, u->gid) ||
        setresuid(u->uid, u->uid, u->uid))
        return kr_fail(e, KR_INTERNAL, errno, "becoming the user '%s'", u->name);
    if (getresuid(&r, &f, &s) || getresgid(&gr, &gf, &gs) || r != u->uid || f != u->uid ||
        s != u->uid || gr != u->gid || gf != u->gid || gs != u->gid)
        return kr_fail(e, KR_INTERNAL, 0, "becoming the user '%s' was not complete", u->name);
    if (u->uid && setuid(0) == 0)
        return kr_fail(e, KR_INTERNAL, 0, "the user '%s' could become root again", u->name);
    tell_environment(u);
    return 0;
}
