//! Where nothing has a name, the system call alone tells some primitives apart.

use super::{Case, Read};
use crate::detect::waits::WaitsFor;
use crate::graph::Thing;

pub(super) fn read(case: &Case<'_>) -> Option<Read> {
    // Rust's std always waits this way, glibc never with a private futex of this operation.
    let is_std =
        case.is_op(libc::FUTEX_WAIT_BITSET) && case.op & libc::FUTEX_PRIVATE_FLAG as u32 != 0;
    if !case.is_nameless() || !is_std {
        return None;
    }
    match (case.val, case.u32_at(0)) {
        // `PARKED` of std's thread parker.
        (u32::MAX, Some(u32::MAX)) => Some(Read {
            what: Some(WaitsFor::Park),
            ..Read::of(case.thing("unpark of this thread, by the look of it", false))
        }),
        // `CONTENDED` of std's mutex.
        (2, Some(2)) => {
            let thing = case.thing("std Mutex, by the look of it", true);
            let thing = Thing { state: Some("locked".to_owned()), ..thing };
            let what = Some(WaitsFor::Mutex);
            Some(Read { what, known_by: Some(case.address), ..Read::of(thing) })
        }
        _ => None,
    }
}
