/* The C side of the controls: locks of pthread, and ways to die. */

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Two mutexes, and a barrier at which two threads meet that hold one each. */
struct controls_pair {
    pthread_mutex_t locks[2];
    pthread_barrier_t both_hold;
    unsigned long counted;
};

struct controls_pair *controls_pair_new(void)
{
    struct controls_pair *pair = calloc(1, sizeof *pair);
    if (pair == NULL)
        return NULL;
    pthread_mutex_init(&pair->locks[0], NULL);
    pthread_mutex_init(&pair->locks[1], NULL);
    pthread_barrier_init(&pair->both_hold, NULL, 2);
    return pair;
}

/* Nobody may hold or want its mutexes any more. */
void controls_pair_free(struct controls_pair *pair)
{
    pthread_barrier_destroy(&pair->both_hold);
    pthread_mutex_destroy(&pair->locks[1]);
    pthread_mutex_destroy(&pair->locks[0]);
    free(pair);
}

/* Takes mutex `first` (0 or 1), then the other, and counts. With `meet` it waits in between for the
   partner to have its first as well. Returns the count. */
unsigned long controls_pair_count(struct controls_pair *pair, int first, int meet)
{
    unsigned long counted;
    pthread_mutex_lock(&pair->locks[first]);
    if (meet)
        pthread_barrier_wait(&pair->both_hold);
    pthread_mutex_lock(&pair->locks[1 - first]);
    counted = ++pair->counted;
    pthread_mutex_unlock(&pair->locks[1 - first]);
    pthread_mutex_unlock(&pair->locks[first]);
    return counted;
}

/* A registry as C libraries have them: it calls back with its mutex in hand. */
void controls_pair_visit(struct controls_pair *pair, void (*visitor)(void *), void *data)
{
    pthread_mutex_lock(&pair->locks[0]);
    visitor(data);
    pthread_mutex_unlock(&pair->locks[0]);
}

/* Dies of SIGABRT. */
void controls_abort(void)
{
    abort();
}

/* Reads a page that may not be read, and dies of SIGSEGV. */
int controls_read_guarded(void)
{
    volatile const int *page =
        mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return *page;
}

/* Reads a value, or -1 through a null pointer. */
int controls_read_checked(const int *value)
{
    return value == NULL ? -1 : *value;
}

/* A slot that one thread empties while another reads it. */
struct controls_slot {
    _Atomic(volatile int *) value;
};

/* Reads the slot's value after a look whether there is one, -1 without. Wrong: it may be gone after
   the look. */
int controls_slot_read(struct controls_slot *slot)
{
    if (atomic_load(&slot->value) == NULL)
        return -1;
    return *atomic_load(&slot->value);
}

/* Fills the slot, or empties it with a null pointer. */
void controls_slot_set(struct controls_slot *slot, int *value)
{
    atomic_store(&slot->value, value);
}
