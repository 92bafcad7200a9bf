#include <kr/program.h>

#include <kr/err.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

int kr_program_find(const char *name, const char *folder, char out[static PATH_MAX],
                    struct kr_err *e)
{
    size_t room = PATH_MAX - strlen(name) - 2;
    ssize_t n = readlink("/proc/self/exe", out, room);
    char *slash = n > 0 ? memrchr(out, '/', (size_t)n) : NULL;
    if (slash) {
        strcpy(slash + 1, name);
        if (access(out, X_OK) == 0)
            return 0;
    }
    if (strlen(folder) + strlen(name) + 2 > PATH_MAX)
        return kr_fail(e, KR_CANNOT, 0, "the path of %s is too long", name);
    stpcpy(stpcpy(stpcpy(out, folder), "/"), name);
    if (access(out, X_OK) == 0)
        return 0;
    return kr_fail(e, KR_CANNOT, errno, "%s is neither beside this program nor at %s", name, out);
}
