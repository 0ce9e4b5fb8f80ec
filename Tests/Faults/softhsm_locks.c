// Keeps SoftHSM's files locked until what was written to them is there, for every copy of the library in a process.
//
// SoftHSM 2.6.1 truncates a token's file under a lock, lets the lock go, and writes when the file is closed; and its locks
// are those of fcntl(2), which never keep out another part of the same process. So a library that is initialised while
// another copy of it logs in may find tokens without a serial number, and two of those end the process by an assertion
// (SlotManager::insertToken). Our tests load many copies in one process (docs/testing-hsm.md); an appliance loads one.
//
// Preloaded, this turns the locks of SoftHSM's files into those of the open file (F_OFD_SETLKW), held until it is closed. A
// program that is started meanwhile must not inherit the open file: it would keep it locked, and wait for itself.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool ends(const char *text, const char *end) {
    size_t length = strlen(text), wanted = strlen(end);
    return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

// SoftHSM keeps each token's files in a directory of its own below that of all tokens.
static bool is_of_softhsm(int file) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return false;
    path[length] = 0;
    return strstr(path, "/tokens/") != NULL
        && (ends(path, ".object") || ends(path, ".lock") || ends(path, "/generation"));
}

int fcntl(int file, int command, ...) {
    static int (*next)(int, int, ...);
    if (next == NULL) next = (int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl");
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if ((command != F_SETLK && command != F_SETLKW) || !is_of_softhsm(file)) return next(file, command, argument);
    struct flock *lock = argument;
    // It ends when the file is closed, by which time all of it is written.
    if (lock->l_type == F_UNLCK) return 0;
    lock->l_pid = 0;
    return next(file, command == F_SETLK ? F_OFD_SETLK : F_OFD_SETLKW, argument);
}

static int open_unshared(const char *symbol, const char *path, int flags, mode_t mode) {
    int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, symbol);
    return next(path, strstr(path, "/tokens/") == NULL ? flags : flags | O_CLOEXEC, mode);
}

#define OPEN(NAME)                                                        \
    int NAME(const char *path, int flags, ...) {                          \
        mode_t mode = 0;                                                  \
        if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) { \
            va_list arguments;                                            \
            va_start(arguments, flags);                                   \
            mode = va_arg(arguments, mode_t);                             \
            va_end(arguments);                                            \
        }                                                                 \
        return open_unshared(#NAME, path, flags, mode);                   \
    }

OPEN(open)
OPEN(open64)
