/* Waits that something other than a thread of the process ends. */

#define _GNU_SOURCE
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Sleeps for as long as the word is 0. */
void controls_wait_for_word(uint32_t *word)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0)
        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, NULL);
}

static int wake_later(void *word)
{
    struct timespec pause = {.tv_sec = 0, .tv_nsec = 60 * 1000 * 1000};
    syscall(SYS_nanosleep, &pause, NULL);
    __atomic_store_n((uint32_t *)word, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX);
    syscall(SYS_exit, 0);
    return 0;
}

/* Starts a process, not a thread, in this very memory. It sets the word and wakes its waiters a little
   later. To be called once a process: it has one stack. Returns 0, or -1 if there is no process. */
int controls_wake_from_outside(uint32_t *word)
{
    static char stack[64 * 1024] __attribute__((aligned(16)));
    return clone(wake_later, stack + sizeof stack, CLONE_VM | SIGCHLD, word) == -1 ? -1 : 0;
}
