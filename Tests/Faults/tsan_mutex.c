// Tells the thread sanitizer what Swift's Mutex does when it is contended (docs/testing-hsm.md).
//
// The quick path of Synchronization.Mutex is compiled into our code, where the sanitizer sees its atomic operations. The
// slow one is a futex call in a library that is not built with it: whoever had to wait seems to race with whoever let go.
// Preloaded, these functions stand before those of the library and say so; they change nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

// Absent from the processes between, such as `swift test` itself.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

#define MUTEX __attribute__((swift_context)) void *mutex
#define HANDLE "$s15Synchronization12_MutexHandleV"
#define LOCK HANDLE "9_lockSlowyys6UInt32VF"
#define TRY_LOCK HANDLE "12_tryLockSlowSbyF"
#define UNLOCK HANDLE "11_unlockSlowyyF"

__attribute__((swiftcall)) void lock_slow(uint32_t thread, MUTEX) __asm__(LOCK);
__attribute__((swiftcall)) bool try_lock_slow(MUTEX) __asm__(TRY_LOCK);
__attribute__((swiftcall)) void unlock_slow(MUTEX) __asm__(UNLOCK);

__attribute__((swiftcall)) void lock_slow(uint32_t thread, MUTEX) {
    void __attribute__((swiftcall)) (*next)(uint32_t, MUTEX) = dlsym(RTLD_NEXT, LOCK);
    next(thread, mutex);
    if (__tsan_acquire) __tsan_acquire(mutex);
}

__attribute__((swiftcall)) bool try_lock_slow(MUTEX) {
    bool __attribute__((swiftcall)) (*next)(MUTEX) = dlsym(RTLD_NEXT, TRY_LOCK);
    bool locked = next(mutex);
    if (locked && __tsan_acquire) __tsan_acquire(mutex);
    return locked;
}

__attribute__((swiftcall)) void unlock_slow(MUTEX) {
    void __attribute__((swiftcall)) (*next)(MUTEX) = dlsym(RTLD_NEXT, UNLOCK);
    if (__tsan_release) __tsan_release(mutex);
    next(mutex);
}
