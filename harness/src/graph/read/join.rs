//! The end of a thread: `pthread_join` of glibc.
//!
//! It waits until the kernel clears the thread's id in its descriptor (`struct pthread`, field
//! `tid`; `CLONE_CHILD_CLEARTID` of clone(2)), so the word is the id of the thread that must end, and
//! it lies in that thread's own descriptor: no name is needed to be sure.

use super::{Case, Read};
use crate::detect::waits::WaitsFor;
use crate::graph::{Holder, Thing};
use crate::verdict::Confidence;

/// `struct pthread` of glibc for x86-64 is shorter than this.
const DESCRIPTOR: u64 = 0xa00;

pub(super) fn read(case: &Case<'_>) -> Option<Read> {
    let target = case.thread(case.val)?;
    let own = target.tls != 0 && (target.tls..target.tls + DESCRIPTOR).contains(&case.address);
    if !own || case.u32_at(0) != Some(case.val) || target.tid == case.thread.tid {
        return None;
    }
    let why = "the word that is waited for is its id, which the kernel clears when it ends";
    let holder = Holder {
        tid: target.tid,
        confidence: Confidence::Proven,
        weak: false,
        mentions: 0,
        why: why.to_owned(),
        site: None,
    };
    let what = match target.name.as_str() {
        "" => format!("end of thread {}", target.tid),
        name => format!("end of thread {} ({name})", target.tid),
    };
    let thing =
        Thing { what, holders: vec![holder], place: None, every: true, ..case.thing("", true) };
    Some(Read { what: Some(WaitsFor::Join), ..Read::of(thing) })
}
