// A disk that fails when it is told to: loaded with LD_PRELOAD in front of the C library.
//
// Once the file named by VAULT_FAULT_FLAG exists,
//   VAULT_FAULT=sync    fsync and fdatasync fail with EIO,
//   VAULT_FAULT=space   write, pwrite and pwrite64 fail with ENOSPC,
// on regular files alone, and never on standard input, output or error: the process may still say why it ends.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Whether calls of this kind on this file fail now.
static bool fails(const char *fault, int descriptor) {
    const char *wanted = getenv("VAULT_FAULT");
    const char *flag = getenv("VAULT_FAULT_FLAG");
    struct stat status;
    return wanted != NULL && flag != NULL && strcmp(wanted, fault) == 0 && descriptor > STDERR_FILENO
        && access(flag, F_OK) == 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

static int sync_or_fail(const char *name, int descriptor) {
    if (fails("sync", descriptor)) {
        errno = EIO;
        return -1;
    }
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return next(descriptor);
}

static ssize_t write_or_fail(const char *name, int descriptor, const void *bytes, size_t count, off_t offset) {
    if (fails("space", descriptor)) {
        errno = ENOSPC;
        return -1;
    }
    ssize_t (*next)(int, const void *, size_t, off_t) =
        (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, name);
    return next(descriptor, bytes, count, offset);
}

int fsync(int descriptor) { return sync_or_fail("fsync", descriptor); }

int fdatasync(int descriptor) { return sync_or_fail("fdatasync", descriptor); }

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    return write_or_fail("pwrite", descriptor, bytes, count, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    return write_or_fail("pwrite64", descriptor, bytes, count, offset);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    if (fails("space", descriptor)) {
        errno = ENOSPC;
        return -1;
    }
    ssize_t (*next)(int, const void *, size_t) = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    return next(descriptor, bytes, count);
}
