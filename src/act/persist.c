/* Theory of operation: across a reboot.
 *
 * Rules vanish with the kernel, the queue does not. `up --persist` leaves a record of its options
 * and two units. The first, kumo-redirect-guard, runs before any network device is set up, and
 * blocks: no device has to be there for the guards of inet. The mail servers require it, so that
 * they don't start when it fails. The second, once the network is there, brings the redirect back,
 * or leaves it blocked when it can't. What can't be read is blocked.
 *
 * The record goes last: while a unit is there without one, the unit blocks. */
#include <kr/persist.h>

#include <kr/err.h>
#include <kr/file.h>
#include <kr/mem.h>
#include <kr/netns.h>
#include <kr/state.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCHEMA "kumo-redirect/persist/1"

/* ---- whose it is ----------------------------------------------------------------------------- */

static void this_boot(char out[static 40])
{
    KR_AUTO_FD int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, 39);
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

static ino_t first_netns(void)
{
    struct stat st;
    return stat("/proc/1/ns/net", &st) ? 0 : st.st_ino;
}

static bool is_foreign(const json_t *root)
{
    char boot[40];
    ino_t here;
    const char *then = json_string_value(json_object_get(root, "boot"));
    this_boot(boot);
    if (!root || !then || kr_netns_inode(&here, NULL))
        return false;
    if (strcmp(boot, then) != 0) /* numbers of namespaces mean something in one boot only */
        return here != first_netns();
    return here != (ino_t)json_integer_value(json_object_get(root, "netns"));
}

static json_t *load(void)
{
    return json_load_file(KR_PERSIST_FILE, 0, NULL);
}

bool kr_persist_foreign(void)
{
    json_t *root = load();
    bool foreign = is_foreign(root);
    json_decref(root);
    return foreign;
}

bool kr_persist_there(void)
{
    return access(KR_PERSIST_FILE, F_OK) == 0 || kr_units_there();
}

/* ---- writing --------------------------------------------------------------------------------- */

static int sync_path(const char *path, int flags, struct kr_err *e)
{
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    return fd < 0 || fsync(fd) ? kr_fail(e, KR_CANNOT, errno, "syncing %s", path) : 0;
}

static int store(json_t *root, struct kr_err *e)
{
    KR_AUTO_FREE char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    if (!text)
        return kr_fail(e, KR_INTERNAL, 0, "the record can't be put into JSON");
    if (mkdir(KR_PERSIST_DIR, 0755) && errno != EEXIST)
        return kr_fail(e, KR_CANNOT, errno, "making %s", KR_PERSIST_DIR);
    return kr_file_replace(KR_PERSIST_FILE, text, KR_FILE_PLAIN, e) ||
                   sync_path(KR_PERSIST_FILE, 0, e) || sync_path(KR_PERSIST_DIR, O_DIRECTORY, e)
               ? -1
               : 0;
}

static void mark(json_t *root)
{
    char boot[40];
    ino_t here = 0;
    this_boot(boot);
    kr_netns_inode(&here, NULL);
    json_object_set_new(root, "boot", json_string(boot));
    json_object_set_new(root, "netns", json_integer((json_int_t)here));
}

int kr_persist_install(const struct kr_buf *words, bool blocked, struct kr_err *e)
{
    json_t *list = json_array();
    for (size_t at = 0; at < words->len; at += strlen(words->s + at) + 1)
        json_array_append_new(list, json_string(words->s + at));
    json_t *root = json_pack("{s:s, s:s, s:b, s:o}", "schema", SCHEMA, "version", KR_VERSION,
                             "blocked", blocked, "words", list);
    mark(root);
    int bad = store(root, e);
    json_decref(root);
    return bad || kr_units_install(e) ? -1 : 0;
}

/* Sets one thing of a record that is this namespace's. */
static int change(const char *key, json_t *value, bool adopt, struct kr_err *e)
{
    json_t *root = load();
    int bad = 0;
    if (root && (adopt || !is_foreign(root))) {
        if (value)
            json_object_set(root, key, value);
        if (adopt)
            mark(root);
        bad = store(root, e);
    }
    json_decref(root);
    json_decref(value);
    return bad;
}

int kr_persist_block(struct kr_err *e)
{
    return change("blocked", json_true(), false, e);
}

int kr_persist_adopt(struct kr_err *e)
{
    return change("", NULL, true, e);
}

int kr_persist_remove(struct kr_err *e)
{
    if (kr_persist_foreign())
        return 0;
    if (kr_units_remove(e))
        return -1;
    if (unlink(KR_PERSIST_FILE) && errno != ENOENT)
        return kr_fail(e, KR_CANNOT, errno, "removing %s", KR_PERSIST_FILE);
    return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int take(const json_t *root, struct kr_persist *out, struct kr_err *e)
{
    const char *schema = json_string_value(json_object_get(root, "schema"));
    const json_t *words = json_object_get(root, "words"),
                 *blocked = json_object_get(root, "blocked");
    if (!schema || strcmp(schema, SCHEMA) != 0 || !json_is_array(words) ||
        !json_is_boolean(blocked))
        return kr_fail(e, KR_UNKNOWN, 0, "%s is not %s", KR_PERSIST_FILE, SCHEMA);
    out->blocked = json_is_true(blocked);
    for (size_t i = 0; i < json_array_size(words); i++) {
        const char *w = json_string_value(json_array_get(words, i));
        if (!w)
            return kr_fail(e, KR_UNKNOWN, 0, "%s: word %zu is none", KR_PERSIST_FILE, i);
        kr_buf_add(&out->store, w, strlen(w) + 1);
    }
    for (size_t at = 0; at < out->store.len; at += strlen(out->store.s + at) + 1)
        kr_strlist_add(&out->words, out->store.s + at);
    return 1;
}

int kr_persist_read(struct kr_persist *out, struct kr_err *e)
{
    json_error_t why;
    memset(out, 0, sizeof *out);
    json_t *root = json_load_file(KR_PERSIST_FILE, 0, &why);
    if (!root && access(KR_PERSIST_FILE, F_OK) && errno == ENOENT)
        return 0;
    int got =
        root ? take(root, out, e) : kr_fail(e, KR_UNKNOWN, 0, "%s: %s", KR_PERSIST_FILE, why.text);
    json_decref(root);
    return got;
}

void kr_persist_free(struct kr_persist *p)
{
    kr_strlist_free(&p->words);
    kr_buf_free(&p->store);
    memset(p, 0, sizeof *p);
}
