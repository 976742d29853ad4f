//! What else of glibc can be waited for: rwlocks, condition variables, barriers, semaphores, `once`.
//! Layouts from glibc's `bits/struct_rwlock.h`, `nptl/internaltypes.h` and `semaphore.h`.

use super::{Case, Read};
use crate::detect::waits::WaitsFor;
use crate::graph::Holder;
use crate::verdict::Confidence;

pub(super) fn read(case: &Case<'_>) -> Option<Read> {
    if case.is_in("pthread_rwlock") {
        return Some(rwlock(case));
    }
    if case.is_in("PyThread_acquire_lock") {
        // A semaphore, or a condition variable, of which CPython has made a lock.
        let thing = case.thing("lock of Python", true);
        return Some(Read { what: Some(WaitsFor::Mutex), ..Read::of(thing) });
    }
    if case.is_in("pthread_cond") {
        let thing = case.thing("pthread condition variable", false);
        return Some(Read { what: Some(WaitsFor::Condvar), ..Read::of(thing) });
    }
    if case.is_in("pthread_barrier") {
        return Some(barrier(case));
    }
    if case.is_in("sem_wait") || case.is_in("sem_clockwait") || case.is_in("sem_timedwait") {
        let thing = case.thing("semaphore", false);
        return Some(Read { what: Some(WaitsFor::Semaphore), ..Read::of(thing) });
    }
    if case.is_in("pthread_once") {
        let thing = case.thing("pthread once", true);
        let known_by = Some(case.address);
        return Some(Read { what: Some(WaitsFor::Once), known_by, ..Read::of(thing) });
    }
    None
}

/// `struct __pthread_rwlock_arch_t`: readers, writers, wrphase_futex, writers_futex, two pads,
/// cur_writer, shared. Three of them are waited on.
fn rwlock(case: &Case<'_>) -> Read {
    const CUR_WRITER: i64 = 24;
    const SHARED: i64 = 28;
    /// `PTHREAD_RWLOCK_WRPHASE` and `PTHREAD_RWLOCK_READER_SHIFT` of glibc's `pthread_rwlock_common.c`.
    const WRITE_PHASE: u32 = 1;
    const READERS: u32 = 3;

    let starts = [8, 12, 0].map(|before| -before);
    // The right one has a sound `shared`, and somebody has written its address down.
    let is_sound = |start: &i64| {
        let base = case.address.wrapping_add_signed(*start);
        matches!(case.u32_at(start + SHARED), Some(0 | 1))
            && case.word.mentions.iter().any(|mention| mention.value == base)
    };
    let Some(start) = starts.into_iter().find(is_sound) else {
        return Read::of(case.thing("pthread rwlock", true));
    };
    let base = case.address.wrapping_add_signed(start);
    let mut thing = case.thing_at("pthread rwlock", true, base);
    let readers = case.u32_at(start).unwrap_or(0);
    let writer = case.u32_at(start + CUR_WRITER).filter(|_| readers & WRITE_PHASE != 0);
    let mut read = match writer.filter(|writer| *writer != 0) {
        Some(writer) => {
            thing.state = Some("locked for writing".to_owned());
            match case.thread(writer) {
                Some(writer) => thing.holders.push(Holder {
                    tid: writer.tid,
                    // Its base is found by trying, not said by anybody.
                    confidence: Confidence::Inferred,
                    weak: false,
                    mentions: 0,
                    why: "the rwlock names its writer".to_owned(),
                    site: None,
                }),
                None => {
                    thing.notes.push(format!("its writer {writer} is no thread of this process"))
                }
            }
            thing.closed = !thing.holders.is_empty();
            Read::of(thing)
        }
        None => {
            let readers = readers >> READERS;
            thing.state = Some(super::rust::readers(u64::from(readers)));
            Read { readers: Some(u64::from(readers)), ..Read::of(thing) }
        }
    };
    read.known_by = Some(base);
    read
}

/// `struct pthread_barrier`: in, current_round, count, shared, out; waited on is current_round.
fn barrier(case: &Case<'_>) -> Read {
    let mut thing = case.thing_at("pthread barrier", false, case.address.saturating_sub(4));
    let (arrived, round, count) = (case.u32_at(-4), case.u32_at(0), case.u32_at(4));
    if let (Some(arrived), Some(round), Some(count)) = (arrived, round, count)
        && (1..=1_000_000).contains(&count)
    {
        let arrived = arrived.wrapping_sub(round);
        thing.state = Some(format!("{arrived} of {count} have arrived"));
    }
    Read { what: Some(WaitsFor::Barrier), ..Read::of(thing) }
}
