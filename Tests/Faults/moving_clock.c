// A clock that tests move: loaded with LD_PRELOAD in front of the C library.
//
// The file VAULT_CLOCK_CONTROL holds one int64 of this machine's byte order: the seconds that are added to the time of day,
// which may change at any time. Clocks that only run (CLOCK_MONOTONIC and the like) are left alone, and so is the kernel:
// whoever waits on a semaphore or a condition until a time of day gets that time translated back.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t *offset;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

static void give_up(const char *message) {
    fprintf(stderr, "moving_clock: %s\n", message);
    _exit(99);
}

__attribute__((constructor)) static void start(void) {
    const char *file = getenv("VAULT_CLOCK_CONTROL");
    if (file == NULL) give_up("VAULT_CLOCK_CONTROL is needed");
    int descriptor = open(file, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) give_up("the control file cannot be opened");
    void *memory = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) give_up("the control file cannot be mapped");
    close(descriptor);
    offset = memory;
}

static int64_t moved(void) { return offset == NULL ? 0 : *offset; }

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (real_clock_gettime == NULL)
        real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real_clock_gettime(clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += moved();
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *place) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    if (place != NULL) *place = now.tv_sec;
    return now.tv_sec;
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict end) {
    static int (*real)(sem_t *, const struct timespec *);
    if (real == NULL) real = (int (*)(sem_t *, const struct timespec *))dlsym(RTLD_NEXT, "sem_timedwait");
    struct timespec moment = *end;
    moment.tv_sec -= moved();
    return real(semaphore, &moment);
}

int pthread_cond_timedwait(
    pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, const struct timespec *restrict end) {
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    // Where there are two, the one that dlsym finds takes another kind of condition.
    if (real == NULL)
        real = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))dlvsym(
            RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (real == NULL)
        real = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))dlsym(
            RTLD_NEXT, "pthread_cond_timedwait");
    struct timespec moment = *end;
    // A condition may wait by the clock that only runs: no machine has run for thirty years.
    if (moment.tv_sec > 1000000000) moment.tv_sec -= moved();
    return real(condition, mutex, &moment);
}
