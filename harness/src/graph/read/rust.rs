//! Locks of Rust's std on Linux: a futex and nothing that says who has it.
//! Layouts from `library/std/src/sys/sync/{mutex,rwlock,once,condvar}/futex.rs`.

use super::{Case, Read};
use crate::detect::waits::WaitsFor;
use crate::graph::Thing;

pub(super) fn read(case: &Case<'_>) -> Option<Read> {
    let family = [
        ("mutex::futex", mutex as fn(&Case<'_>) -> Read),
        ("rwlock::futex", rwlock),
        ("once::futex", once),
        ("condvar::futex", event),
        ("thread_parking", event),
    ];
    // The innermost: a condition variable takes its mutex again.
    case.primitives.iter().find_map(|name| {
        let (_, read) = family.iter().find(|(piece, _)| name.contains(piece))?;
        Some(read(case))
    })
}

fn mutex(case: &Case<'_>) -> Read {
    // A reentrant lock has the id of its owner, as std counts threads, before the mutex.
    let reentrant = case.is_in("ReentrantLock") || case.is_in("reentrant_lock");
    let (what, before) = if reentrant { ("std ReentrantLock", 8) } else { ("std Mutex", 0) };
    let base = case.address.saturating_sub(before);
    let mut thing = case.thing_at(what, true, base);
    thing.state = match case.u32_at(0) {
        Some(0) => Some("not locked at this moment".to_owned()),
        Some(_) => Some("locked".to_owned()),
        None => None,
    };
    // `poison::Flag` follows the futex; of a reentrant lock it is something else.
    if before == 0 && case.u32_at(4).is_some_and(|flag| flag & 0xff == 1) {
        thing.notes.push("it may be poisoned: a thread panicked while it had it".to_owned());
    }
    Read { what: Some(WaitsFor::Mutex), known_by: Some(base), ..Read::of(thing) }
}

/// A state and, four bytes on, a counter that writers wait for.
fn rwlock(case: &Case<'_>) -> Read {
    const READ_MASK: u32 = (1 << 30) - 1;

    let start = match case.site.waits_for {
        WaitsFor::Write => -4,
        _ => 0,
    };
    let base = case.address.wrapping_add_signed(start);
    let mut thing = case.thing_at("std RwLock", true, base);
    let held = case.u32_at(start).map(|state| state & READ_MASK);
    let mut read = Read { known_by: Some(base), ..Read::of(thing.clone()) };
    thing.state = held.map(|held| match held {
        READ_MASK => "locked for writing".to_owned(),
        n => readers(u64::from(n)),
    });
    read.readers = held.filter(|held| *held != READ_MASK).map(u64::from);
    read.thing = thing;
    read
}

/// `3 readers have it`.
pub(super) fn readers(n: u64) -> String {
    match n {
        0 => "not locked at this moment".to_owned(),
        1 => "locked by 1 reader".to_owned(),
        n => format!("locked by {n} readers"),
    }
}

fn once(case: &Case<'_>) -> Read {
    let what = match case.is_in("OnceLock") || case.is_in("once_lock") {
        _ if case.is_in("LazyLock") || case.is_in("lazy_lock") => "std LazyLock",
        true => "std OnceLock",
        false => "std Once",
    };
    let thing = Thing { state: Some("being initialised".to_owned()), ..case.thing(what, true) };
    Read { what: Some(WaitsFor::Once), known_by: Some(case.address), ..Read::of(thing) }
}

/// What somebody must signal: by the outermost primitive, which may be a channel.
fn event(case: &Case<'_>) -> Read {
    let by = |piece| case.is_in(piece);
    let what = match case.site.waits_for {
        WaitsFor::Receive if by("crossbeam") => "message of a crossbeam channel",
        WaitsFor::Receive => "message of a channel",
        WaitsFor::Send => "room in a channel",
        WaitsFor::Barrier => "std Barrier",
        WaitsFor::Condvar => "std Condvar",
        WaitsFor::Once => "one-time initialisation",
        WaitsFor::Join => "end of its scoped threads",
        WaitsFor::Semaphore => "semaphore",
        _ => "unpark of this thread",
    };
    Read::of(case.thing(what, case.site.waits_for == WaitsFor::Once))
}
