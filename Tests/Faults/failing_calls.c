// A disk that fails at a chosen call: loaded with LD_PRELOAD in front of the C library.
//
// Calls on files and directories under VAULT_FAULT_DIRECTORY are counted by kind in the file VAULT_FAULT_CONTROL, nine
// uint64 of this machine's byte order: the six counts in the order of `kind`, then the plan, which may change at any time:
// 1 + the kind that fails (0 for none), the number of the first call that does, and the errno it fails with. Every later call
// of that kind fails too, for a broken disk does not mend itself. Instead of errno 0 the process is killed, before the call;
// instead of the errno with all bits set the call waits until there is another plan, or one for a later call.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { WRITE, SYNC, RENAME, OPEN, TRUNCATE, UNLINK, KINDS };

struct control {
    _Atomic uint64_t counts[KINDS];
    _Atomic uint64_t failing;
    _Atomic uint64_t first;
    _Atomic uint64_t error;
};

static struct control *control;
static const char *directory;
static size_t directory_length;

static void give_up(const char *message) {
    fprintf(stderr, "failing_calls: %s\n", message);
    _exit(99);
}

__attribute__((constructor)) static void start(void) {
    const char *file = getenv("VAULT_FAULT_CONTROL");
    int (*real_open)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    directory = getenv("VAULT_FAULT_DIRECTORY");
    if (file == NULL || directory == NULL) give_up("VAULT_FAULT_CONTROL and VAULT_FAULT_DIRECTORY are needed");
    directory_length = strlen(directory);
    int descriptor = real_open(file, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) give_up("the control file cannot be opened");
    void *memory = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) give_up("the control file cannot be mapped");
    close(descriptor);
    control = memory;
}

static bool is_inside(const char *path) {
    return control != NULL && strncmp(path, directory, directory_length) == 0 &&
           (path[directory_length] == '/' || path[directory_length] == '\0');
}

static bool is_descriptor_inside(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return false;
    path[length] = '\0';
    return is_inside(path);
}

// Counts one call; true when it must fail, with errno set.
static bool fails(enum kind kind) {
    uint64_t number = atomic_fetch_add(&control->counts[kind], 1) + 1;
    if (control->failing != (uint64_t)kind + 1 || number < control->first) return false;
    if (control->error == 0) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    if (control->error == UINT64_MAX) {
        while (control->failing == (uint64_t)kind + 1 && control->first <= number) usleep(1000);
        return false;
    }
    errno = (int)control->error;
    return true;
}

#define NEXT(type, name) ((type)dlsym(RTLD_NEXT, name))

ssize_t write(int descriptor, const void *bytes, size_t count) {
    if (descriptor > STDERR_FILENO && is_descriptor_inside(descriptor) && fails(WRITE)) return -1;
    return NEXT(ssize_t (*)(int, const void *, size_t), "write")(descriptor, bytes, count);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    if (is_descriptor_inside(descriptor) && fails(WRITE)) return -1;
    return NEXT(ssize_t (*)(int, const void *, size_t, off_t), "pwrite")(descriptor, bytes, count, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    if (is_descriptor_inside(descriptor) && fails(WRITE)) return -1;
    return NEXT(ssize_t (*)(int, const void *, size_t, off64_t), "pwrite64")(descriptor, bytes, count, offset);
}

int fsync(int descriptor) {
    if (is_descriptor_inside(descriptor) && fails(SYNC)) return -1;
    return NEXT(int (*)(int), "fsync")(descriptor);
}

int fdatasync(int descriptor) {
    if (is_descriptor_inside(descriptor) && fails(SYNC)) return -1;
    return NEXT(int (*)(int), "fdatasync")(descriptor);
}

int rename(const char *from, const char *to) {
    if (is_inside(to) && fails(RENAME)) return -1;
    return NEXT(int (*)(const char *, const char *), "rename")(from, to);
}

// A file gets its name at once, like one that is renamed.
int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
    if (is_inside(to) && fails(RENAME)) return -1;
    return NEXT(int (*)(int, const char *, int, const char *, int), "linkat")(from_directory, from, to_directory, to, flags);
}

int unlink(const char *path) {
    if (is_inside(path) && fails(UNLINK)) return -1;
    return NEXT(int (*)(const char *), "unlink")(path);
}

int ftruncate(int descriptor, off_t length) {
    if (is_descriptor_inside(descriptor) && fails(TRUNCATE)) return -1;
    return NEXT(int (*)(int, off_t), "ftruncate")(descriptor, length);
}

int ftruncate64(int descriptor, off64_t length) {
    if (is_descriptor_inside(descriptor) && fails(TRUNCATE)) return -1;
    return NEXT(int (*)(int, off64_t), "ftruncate64")(descriptor, length);
}

int fallocate(int descriptor, int mode, off_t offset, off_t length) {
    if (is_descriptor_inside(descriptor) && fails(TRUNCATE)) return -1;
    return NEXT(int (*)(int, int, off_t, off_t), "fallocate")(descriptor, mode, offset, length);
}

// posix_fallocate(3) returns the error and leaves errno alone.
int posix_fallocate(int descriptor, off_t offset, off_t length) {
    if (is_descriptor_inside(descriptor) && fails(TRUNCATE)) return errno;
    return NEXT(int (*)(int, off_t, off_t), "posix_fallocate")(descriptor, offset, length);
}

static int open_or_fail(const char *name, const char *path, int flags, mode_t mode) {
    if (is_inside(path) && fails(OPEN)) return -1;
    return NEXT(int (*)(const char *, int, ...), name)(path, flags, mode);
}

static mode_t mode_of(int flags, va_list arguments) {
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_or_fail("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_or_fail("open64", path, flags, mode);
}
