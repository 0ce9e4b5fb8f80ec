// Small shims over system calls that Swift cannot reach, or not without a variadic or a macro. No logic.
#ifndef CSYSTEM_H
#define CSYSTEM_H

#include <stddef.h>
#include <sys/types.h>

/// Loads a shared library for the life of the process (RTLD_NOW, RTLD_LOCAL, RTLD_NODELETE) and looks a symbol up in it;
/// NULL when either fails.
void *_Nullable csystem_symbol(const char *_Nonnull path, const char *_Nonnull symbol);

/// Whole pages of private memory that are locked, left out of core dumps and empty in a forked child; NULL (and errno)
/// when the system gives none.
void *_Nullable csystem_locked_allocate(size_t size);

/// Overwrites memory with zeros, never optimised away, and gives it back. `size` as it was asked for.
void csystem_locked_free(void *_Nonnull memory, size_t size);

/// Overwrites memory with zeros, never optimised away.
void csystem_wipe(void *_Nonnull memory, size_t size);

/// Whether all bytes are zero: 1 or 0.
int csystem_is_zero(const void *_Nullable bytes, size_t size);

/// No core dumps, no ptrace by the same user, no /proc/PID/mem: PR_SET_DUMPABLE 0 and RLIMIT_CORE 0. 0, or -1 and errno.
int csystem_harden_process(void);

/// Starts a program with one argument, `standard` as its standard input and output, our standard error, and no other
/// descriptor of ours (posix_spawn, never fork: a forked child would inherit what PKCS#11 libraries hold). 0, or an errno.
int csystem_spawn(const char *_Nonnull path, const char *_Nonnull argument, int standard, pid_t *_Nonnull process);

/// Runs a program that is found on the path, its standard output our standard error, and waits for it. It stays in the
/// terminal's foreground, so that it can ask a person for a passphrase. Its wait status, or -1 when it cannot be started.
int csystem_run(char *_Nullable const *_Nonnull arguments);

/// Names the calling thread, with at most 15 bytes, for those who look at the process from outside.
void csystem_name_thread(const char *_Nonnull name);

/// From now on a fatal signal (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP) writes one last line to standard error,
/// "NAME: SIGSEGV in thread hsm-lane-0; the process ends and releases nothing more", and then ends the process as it
/// would have without. It takes the place of any other handler, the Swift runtime's backtraces included: those print
/// registers and memory. 0, or -1 and errno.
int csystem_report_fatal_signals(const char *_Nonnull name);

/// Who is at the other end of a connected Unix socket (SO_PEERCRED). 0, or -1 and errno.
int csystem_peer(int descriptor, pid_t *_Nonnull pid, uid_t *_Nonnull uid, gid_t *_Nonnull gid);

/// A file in memory alone that nobody can change any more: memfd_create(2) with the seals against writing, growing,
/// shrinking and unsealing. Its descriptor, or -1 and errno.
int csystem_sealed_file(const char *_Nonnull name, const void *_Nonnull bytes, size_t size);

/// Whether a descriptor is of such a file: 1 or 0.
int csystem_is_sealed_file(int descriptor);

/// A new file without a name in a directory (O_TMPFILE), to be written; it is gone with its descriptor unless it gets a name.
/// Its descriptor, or -1 and errno.
int csystem_unnamed_file(const char *_Nonnull directory, mode_t mode);

/// Gives a file without a name one, unless something has it already. 0, or -1 and errno.
int csystem_name_file(int descriptor, const char *_Nonnull path);

/// Sends one datagram to a Unix socket, abstract where its path begins with '@', with a descriptor where there is one
/// (SCM_RIGHTS; sd_notify(3)). `descriptor` is -1 for none. 0, or -1 and errno.
int csystem_send_datagram(const char *_Nonnull path, const char *_Nonnull message, int descriptor);

/// Milliseconds since this boot, asleep or not (CLOCK_BOOTTIME): no setting of a clock changes them.
long long csystem_boot_milliseconds(void);

#endif
