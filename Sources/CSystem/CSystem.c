#define _GNU_SOURCE
#include "CSystem.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void *csystem_symbol(const char *path, const char *symbol) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    return library == NULL ? NULL : dlsym(library, symbol);
}

static size_t csystem_whole_pages(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}

void *csystem_locked_allocate(size_t size) {
    size_t length = csystem_whole_pages(size);
    if (size == 0 || length < size) {
        errno = EINVAL;
        return NULL;
    }
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    if (mlock(memory, length) != 0 || madvise(memory, length, MADV_DONTDUMP) != 0
        || madvise(memory, length, MADV_WIPEONFORK) != 0) {
        int error = errno;
        munmap(memory, length);
        errno = error;
        return NULL;
    }
    return memory;
}

void csystem_locked_free(void *memory, size_t size) {
    size_t length = csystem_whole_pages(size);
    explicit_bzero(memory, length);
    munmap(memory, length);
}

void csystem_wipe(void *memory, size_t size) {
    explicit_bzero(memory, size);
}

int csystem_is_zero(const void *bytes, size_t size) {
    const unsigned char *first = bytes;
    return size == 0 || (first[0] == 0 && memcmp(first, first + 1, size - 1) == 0);
}

int csystem_harden_process(void) {
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0) return -1;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void csystem_name_thread(const char *name) {
    (void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

int csystem_peer(int descriptor, pid_t *pid, uid_t *uid, gid_t *gid) {
    struct ucred peer;
    socklen_t length = sizeof(peer);
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
    if (length != sizeof(peer)) {
        errno = EPROTO;
        return -1;
    }
    *pid = peer.pid;
    *uid = peer.uid;
    *gid = peer.gid;
    return 0;
}

int csystem_spawn(const char *path, const char *argument, int standard, pid_t *process) {
    char name[] = "vault-appliance";
    char *arguments[] = {name, (char *)argument, NULL};
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) return error;
    error = posix_spawn_file_actions_adddup2(&actions, standard, STDIN_FILENO);
    if (error == 0) error = posix_spawn_file_actions_adddup2(&actions, standard, STDOUT_FILENO);
    if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    if (error == 0) error = posix_spawn(process, path, &actions, NULL, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

int csystem_run(char *const *arguments) {
    posix_spawn_file_actions_t actions;
    pid_t process = 0;
    if (posix_spawn_file_actions_init(&actions) != 0) return -1;
    int error = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    if (error == 0) error = posix_spawnp(&process, arguments[0], &actions, NULL, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return -1;
    int status = -1;
    while (waitpid(process, &status, 0) < 0) {
        if (errno != EINTR) return -1;
    }
    return status;
}

static const int csystem_seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

int csystem_sealed_file(const char *name, const void *bytes, size_t size) {
    int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) return -1;
    for (size_t written = 0; written < size;) {
        ssize_t count = write(descriptor, (const char *)bytes + written, size - written);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) goto failed;
        written += (size_t)count;
    }
    if (fcntl(descriptor, F_ADD_SEALS, csystem_seals) != 0) goto failed;
    return descriptor;
failed:;
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
}

int csystem_is_sealed_file(int descriptor) {
    int seals = fcntl(descriptor, F_GET_SEALS);
    return seals >= 0 && (seals & csystem_seals) == csystem_seals;
}

int csystem_send_datagram(const char *path, const char *message, int descriptor) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof address.sun_path) {
        errno = EINVAL;
        return -1;
    }
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = '\0';
    struct iovec part = {.iov_base = (void *)message, .iov_len = strlen(message)};
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = {{0}};
    struct msghdr datagram = {
        .msg_name = &address, .msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length),
        .msg_iov = &part, .msg_iovlen = 1};
    if (descriptor >= 0) {
        datagram.msg_control = control.room;
        datagram.msg_controllen = sizeof control.room;
        struct cmsghdr *header = CMSG_FIRSTHDR(&datagram);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    }
    int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sender < 0) return -1;
    ssize_t sent = sendmsg(sender, &datagram, MSG_NOSIGNAL);
    int error = errno;
    close(sender);
    errno = error;
    return sent < 0 ? -1 : 0;
}

long long csystem_boot_milliseconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static char fatal_name[64];
static atomic_flag fatal_reported = ATOMIC_FLAG_INIT;

static const struct { int number; const char *name; } fatal_signals[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGILL, "SIGILL"}, {SIGFPE, "SIGFPE"}, {SIGABRT, "SIGABRT"},
    {SIGTRAP, "SIGTRAP"}};

static size_t fatal_append(char *line, size_t length, size_t room, const char *text) {
    while (*text != '\0' && length < room) line[length++] = *text++;
    return length;
}

// Async-signal-safe calls alone (signal-safety(7)): prctl and write are bare system calls.
static void report_fatal_signal(int number) {
    char line[256], thread[16] = "?";
    size_t length = 0;
    if (atomic_flag_test_and_set(&fatal_reported)) {
        // A second thread dies meanwhile: the first gets time to write its line and to end the process.
        struct timespec rest = {0, 200000000};
        (void)nanosleep(&rest, NULL);
        (void)raise(number);
        return;
    }
    (void)prctl(PR_GET_NAME, thread, 0, 0, 0);
    length = fatal_append(line, length, sizeof line - 1, fatal_name);
    length = fatal_append(line, length, sizeof line - 1, ": ");
    for (size_t index = 0; index < sizeof fatal_signals / sizeof fatal_signals[0]; index++) {
        if (fatal_signals[index].number != number) continue;
        length = fatal_append(line, length, sizeof line - 1, fatal_signals[index].name);
    }
    length = fatal_append(line, length, sizeof line - 1, " in thread ");
    length = fatal_append(line, length, sizeof line - 1, thread);
    length = fatal_append(line, length, sizeof line - 1, "; the process ends and releases nothing more");
    line[length++] = '\n';
    (void)!write(STDERR_FILENO, line, length);
    // SA_RESETHAND put the default action back, and SA_NODEFER lets it happen here and now.
    (void)raise(number);
}

int csystem_report_fatal_signals(const char *name) {
    struct sigaction action = {.sa_handler = report_fatal_signal, .sa_flags = SA_RESETHAND | SA_NODEFER | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    strncpy(fatal_name, name, sizeof fatal_name - 1);
    for (size_t index = 0; index < sizeof fatal_signals / sizeof fatal_signals[0]; index++) {
        if (sigaction(fatal_signals[index].number, &action, NULL) != 0) return -1;
    }
    return 0;
}

int csystem_unnamed_file(const char *directory, mode_t mode) {
    return open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
}

int csystem_name_file(int descriptor, const char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}
