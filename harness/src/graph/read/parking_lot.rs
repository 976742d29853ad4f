//! Locks of parking_lot, and of others that park in parking_lot_core.
//!
//! A thread waits on a word of its own, next to which its `ThreadData` keeps the *key*: the address
//! of the lock, or one more for a writer that waits for the last readers (`parking_lot_core`
//! `parking_lot.rs` and `thread_parker/linux.rs`, `parking_lot` `raw_mutex.rs`, `raw_rwlock.rs`).
//! The threads with one key are the queue of that lock.

use super::{Case, Read};
use crate::capture::Pointee;
use crate::detect::waits::WaitsFor;
use crate::graph::Thing;

/// Where the key stands before the word that is waited for, since 0.9.
const KEY: i64 = -32;

/// Bits of a mutex (one byte) and of a rwlock (one word).
const MUTEX_LOCKED: u64 = 1;
const MUTEX_PARKED: u64 = 2;
const RW_PARKED: u64 = 3;
const RW_UPGRADABLE: u64 = 4;
const RW_WRITER: u64 = 8;
const RW_ONE_READER: u64 = 16;

pub(super) fn read(case: &Case<'_>) -> Option<Read> {
    let by_name = case.is_in("parking_lot") || case.is_in("dashmap");
    if !by_name && !has_the_shape(case) {
        return None;
    }
    // Where nothing has a name: only of a mutex is the word short enough to be recognised.
    let what = if by_name { case.site.waits_for } else { WaitsFor::Mutex };
    let family = match what {
        _ if !by_name => "parking_lot Mutex, by the look of it",
        _ if case.is_in("dashmap") => "lock of a dashmap shard",
        WaitsFor::Mutex if case.is_in("ReentrantMutex") => "parking_lot ReentrantMutex",
        WaitsFor::Mutex => "parking_lot Mutex",
        WaitsFor::Read | WaitsFor::Write => "parking_lot RwLock",
        WaitsFor::Once => "parking_lot Once",
        WaitsFor::Condvar => "parking_lot Condvar",
        _ => "parked thread",
    };
    let Some(key) = key(case, what) else {
        return Some(Read::of(case.thing(family, what.is_lock())));
    };
    // A mutex of one byte may stand at an odd address itself.
    let odd = key.address & 1 == 1 && matches!(what, WaitsFor::Read | WaitsFor::Write);
    let base = key.address - u64::from(odd);
    let place = super::super::build::place(case.snapshot, case.word, base);
    let mut thing = Thing { address: base, place, ..case.thing(family, what.is_lock()) };
    // The value was read at the key; of an odd key, one byte on.
    let value = if odd { key.value << 8 } else { key.value };
    let mut readers = None;
    match what {
        WaitsFor::Mutex => thing.state = (value & MUTEX_LOCKED != 0).then(|| "locked".to_owned()),
        WaitsFor::Read | WaitsFor::Write if family == "parking_lot RwLock" => {
            // Of an odd key the lowest byte is lost, which says only who is parked.
            let n = value / RW_ONE_READER;
            readers = (!odd && n > 0).then_some(n);
            let claimed = "claimed by a writer that waits for the last readers";
            thing.state = Some(match readers {
                _ if odd => claimed.to_owned(),
                None if value & RW_WRITER != 0 => "locked for writing".to_owned(),
                _ if value & RW_WRITER != 0 => format!("{}, {claimed}", super::rust::readers(n)),
                _ if value & RW_UPGRADABLE != 0 => {
                    format!("{}, one of them upgradable", super::rust::readers(n))
                }
                _ => super::rust::readers(n),
            });
        }
        _ => {}
    }
    let known_by = what.is_lock().then_some(base);
    Some(Read { thing, what: Some(what), known_by, readers })
}

/// Whether system call and memory fit a parked thread: `FUTEX_WAIT` for 1, and the key of a mutex
/// that is locked and has somebody parked.
fn has_the_shape(case: &Case<'_>) -> bool {
    let key = case.u64_at(KEY).and_then(|key| case.word.pointees.iter().find(|p| p.address == key));
    case.is_nameless()
        && case.is_op(libc::FUTEX_WAIT)
        && (case.val, case.u32_at(0)) == (1, Some(1))
        && key.is_some_and(|key| key.value & 0xff == MUTEX_LOCKED | MUTEX_PARKED)
}

/// The key: at its place in `ThreadData`, or, should that move, the one pointer near it that leads to
/// a lock somebody is parked at.
fn key<'a>(case: &'a Case<'_>, what: WaitsFor) -> Option<&'a Pointee> {
    let find = |address| case.word.pointees.iter().find(|p| p.address == address);
    let parked = |pointee: &&Pointee| match what {
        WaitsFor::Mutex => pointee.value & MUTEX_PARKED != 0 && pointee.value & 0xfc == 0,
        WaitsFor::Read | WaitsFor::Write => {
            pointee.address & 1 == 1 || pointee.value & RW_PARKED != 0
        }
        _ => false,
    };
    let usual = case.u64_at(KEY).and_then(find);
    let others = || {
        let mut fitting = case.word.pointees.iter().filter(parked);
        fitting.next().filter(|_| fitting.next().is_none())
    };
    usual.or_else(others)
}
