//! Mutexes of glibc, which say who has them (`struct __pthread_mutex_s` of
//! `bits/struct_mutex.h`: lock, count, owner, nusers, kind), and the locks inside of glibc.

use super::{Case, Read};
use crate::capture::Outsider;
use crate::detect::waits::WaitsFor;
use crate::graph::{Holder, Thing};
use crate::verdict::Confidence;

/// Offsets in `struct __pthread_mutex_s`.
const COUNT: i64 = 4;
const OWNER: i64 = 8;
const NUSERS: i64 = 12;
const KIND: i64 = 16;

/// `PTHREAD_MUTEX_ROBUST_NORMAL_NP` and `PTHREAD_MUTEX_PRIO_INHERIT_NP` of glibc's
/// `pthreadP.h`: then the word itself holds the owner's id.
const ROBUST: u32 = 16;
const PRIO_INHERIT: u32 = 32;
/// `FUTEX_TID_MASK` of `linux/futex.h`.
const TID_MASK: u32 = 0x3fff_ffff;
/// `FUTEX_WAITERS` of `linux/futex.h`.
const WAITERS: u32 = 0x8000_0000;
/// What glibc writes in place of an owner when nobody can ever have the mutex again
/// (`PTHREAD_MUTEX_NOTRECOVERABLE`).
const NOT_RECOVERABLE: u32 = 0x7fff_fffe;

pub(super) fn read(case: &Case<'_>) -> Option<Read> {
    let by_name = case.is_in("pthread_mutex");
    if !by_name && case.is_in("lll_lock") {
        return Some(inner_lock(case));
    }
    let by_shape = case.is_nameless() && has_the_shape(case);
    if !by_name && !by_shape {
        return None;
    }
    let waits = case.is_op(libc::FUTEX_WAIT) || case.is_op(libc::FUTEX_WAIT_BITSET);
    if case.val == 0 && waits {
        return Some(refused(case));
    }
    let Some(kind) = case.u32_at(KIND) else {
        // Of memory that cannot be read nothing more is known; it is no event for that.
        let thing = case.thing("pthread mutex", true);
        return Some(Read { what: Some(WaitsFor::Mutex), ..Read::of(thing) });
    };
    // Each kind has its own way to wait; where that and the memory differ, it is no mutex.
    let fits = match kind & (ROBUST | PRIO_INHERIT) {
        0 => case.val == 2 && case.is_op(libc::FUTEX_WAIT),
        ROBUST => case.val & WAITERS != 0 && case.is_op(libc::FUTEX_WAIT),
        _ => case.is_op(libc::FUTEX_LOCK_PI) || case.is_op(libc::FUTEX_LOCK_PI2),
    };
    if !fits {
        return Some(Read::of(case.thing("pthread mutex of an unknown kind", true)));
    }
    let mut thing = Thing { state: state(case, kind), ..case.thing(&name(kind), true) };
    let owner = match kind & (ROBUST | PRIO_INHERIT) {
        0 => case.u32_at(OWNER)?,
        _ => case.u32_at(0)? & TID_MASK,
    };
    let (confidence, why) = match (by_name, case.snapshot.ids_begun_again()) {
        _ if case.word.ambiguous => (
            Confidence::Suspected,
            "the mutex names its owner, but in shared memory this may be a thread of another pid namespace",
        ),
        (true, false) => (Confidence::Proven, "the mutex names its owner"),
        (true, true) => (
            Confidence::Inferred,
            "the mutex names its owner, but thread ids have begun again, so that it may mean one that \
             has ended",
        ),
        (false, _) => {
            (Confidence::Inferred, "the memory looks like a mutex of glibc, which names its owner")
        }
    };
    let outsider = || case.word.outsiders.iter().find(|o| u32::try_from(o.tid) == Ok(owner));
    match case.thread(owner) {
        Some(owner) => thing.holders.push(Holder {
            tid: owner.tid,
            confidence,
            weak: false,
            mentions: 0,
            why: why.to_owned(),
            site: None,
        }),
        None if owner == 0 => thing.notes.push("it names no owner at this moment".to_owned()),
        None if let Some(Outsider { tid, pid, name }) = outsider() => {
            thing.outside = Some(format!("thread {tid} of process {pid} ({name})"));
        }
        None if case.word.shared && owner != NOT_RECOVERABLE => thing.notes.push(format!(
            "its owner {owner} is no thread of this process: it is one of a process that cannot be seen \
             from here, or has ended"
        )),
        None => {
            thing.orphan = true;
            thing.notes.push(match owner {
                NOT_RECOVERABLE => "it is marked as beyond recovery".to_owned(),
                _ => format!(
                    "its owner {owner} is no thread of this process: it ended while it had the \
                     mutex, or the process was forked from one where it had it"
                ),
            });
        }
    }
    thing.closed = !thing.holders.is_empty() && !case.word.ambiguous;
    let known_by = thing.holders.first().map(|_| case.address);
    Some(Read { what: Some(WaitsFor::Mutex), known_by, ..Read::of(thing) })
}

/// glibc waits for ever, on a word that nobody knows of, where the kernel has refused a mutex with
/// priority inheritance: it would have been a deadlock, or its owner has ended
/// (`__pthread_mutex_lock_full`).
fn refused(case: &Case<'_>) -> Read {
    let thing = case.thing("pthread mutex that the kernel refuses", true);
    let why = "the kernel has answered that to wait would be a deadlock, or that its owner has ended; \
               which mutex it is can be read in the stack alone";
    Read { what: Some(WaitsFor::Mutex), ..Read::of(Thing { notes: vec![why.to_owned()], ..thing }) }
}

/// Whether system call and memory fit a contended mutex, where no name says so: `FUTEX_WAIT` for 2,
/// the owner a live thread, the rest of the fields sound.
fn has_the_shape(case: &Case<'_>) -> bool {
    let field = |offset| case.u32_at(offset).unwrap_or(u32::MAX);
    case.is_op(libc::FUTEX_WAIT)
        && case.val == 2
        && field(0) == 2
        && case.thread(field(OWNER)).is_some()
        && (1..10_000).contains(&field(NUSERS))
        && field(KIND) < 0x200
}

fn name(kind: u32) -> String {
    let kinds = ["", ", recursive", ", error-checking", ", adaptive"];
    let mut name = format!("pthread mutex{}", kinds[(kind & 3) as usize]);
    if kind & ROBUST != 0 {
        name += ", robust";
    }
    if kind & PRIO_INHERIT != 0 {
        name += ", with priority inheritance";
    }
    name
}

fn state(case: &Case<'_>, kind: u32) -> Option<String> {
    let recursive = kind & 3 == 1;
    let times = case.u32_at(COUNT).filter(|times| recursive && *times > 1);
    Some(times.map_or("locked".to_owned(), |times| format!("locked {times} times")))
}

/// A lock that glibc uses inside: of a stream it names the owner (`_IO_lock_t`: lock, count, and the
/// owner's descriptor), of others nobody knows.
fn inner_lock(case: &Case<'_>) -> Read {
    let owner = case.u64_at(OWNER).filter(|owner| *owner != 0);
    let owner = case.snapshot.threads.iter().find(|thread| Some(thread.tls) == owner);
    let Some(owner) = owner else { return Read::of(case.thing("lock inside of libc", true)) };
    let holder = Holder {
        tid: owner.tid,
        confidence: Confidence::Inferred,
        weak: false,
        mentions: 0,
        why: "the memory looks like the lock of a stream, which names its owner".to_owned(),
        site: None,
    };
    let thing = case.thing("lock of a stream (FILE)", true);
    Read::of(Thing {
        holders: vec![holder],
        closed: true,
        state: Some("locked".to_owned()),
        ..thing
    })
}
