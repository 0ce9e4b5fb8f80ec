#define _GNU_SOURCE
#include "CSystem.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
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
