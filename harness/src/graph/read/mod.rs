//! From a futex word to what it is part of: one file for each family of locks.
//!
//! A reader looks at one waiting thread and answers if the thread is in a primitive of its family, or,
//! where nothing has a name, if memory and system call look like it. The first that answers is
//! believed, so the readers that cannot be mistaken come first.

mod glibc;
mod guard;
mod join;
mod mutex;
mod parking_lot;
mod rust;
mod shapes;

use super::Thing;
use crate::capture::{Snapshot, ThreadStack, Word};
use crate::detect::waits::{self, Site, WaitsFor};
use crate::observation::Wait;

/// Recognises one family.
type Reader = fn(&Case<'_>) -> Option<Read>;

/// All families.
const READERS: &[Reader] = &[
    join::read,
    guard::read,
    parking_lot::read,
    rust::read,
    mutex::read,
    glibc::read,
    shapes::read,
];

/// A thread that waits on a futex, and what was found around it.
pub(super) struct Case<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) thread: &'a ThreadStack,
    pub(super) site: &'a Site<'a>,
    /// The primitive's functions, innermost first.
    pub(super) primitives: &'a [String],
    pub(super) word: &'a Word,
    pub(super) address: u64,
    pub(super) val: u32,
    pub(super) op: u32,
}

/// What a futex is part of.
pub(super) struct Read {
    /// The thing; what holds it may be added from the stacks.
    pub(super) thing: Thing,
    /// What the thread waits for, where that is surer than the stack alone says.
    pub(super) what: Option<WaitsFor>,
    /// The address that whoever has it knows; none where an owner is known or makes no sense.
    pub(super) known_by: Option<u64>,
    /// How many may have it at a time, as its memory says; none if that is not known.
    pub(super) readers: Option<u64>,
}

impl Read {
    fn of(thing: Thing) -> Read {
        Read { thing, what: None, known_by: None, readers: None }
    }
}

/// What the futex of `thread` is part of; none if it waits for no futex.
pub(super) fn read(snapshot: &Snapshot, thread: &ThreadStack, site: &Site<'_>) -> Option<Read> {
    let Some(Wait::Futex { addr: address, val, op, .. }) = thread.wait else { return None };
    let unknown = Word::default();
    let word = snapshot.words.iter().find(|word| word.address == address).unwrap_or(&unknown);
    let primitives = &waits::primitives(thread)[..];
    let case = Case { snapshot, thread, site, primitives, word, address, val, op };
    let read = READERS.iter().find_map(|read| read(&case));
    Some(read.unwrap_or_else(|| Read::of(case.thing("futex", false))))
}

impl Case<'_> {
    /// A thing at the waited-for address.
    fn thing(&self, what: &str, owned: bool) -> Thing {
        self.thing_at(what, owned, self.address)
    }

    /// A thing that begins elsewhere.
    fn thing_at(&self, what: &str, owned: bool, address: u64) -> Thing {
        Thing {
            what: what.to_owned(),
            address,
            place: super::build::place(self.snapshot, self.word, address),
            state: None,
            holders: vec![],
            owned,
            every: false,
            closed: false,
            orphan: false,
            outside: None,
            notes: vec![],
        }
    }

    /// Whether one of the primitive's functions contains this.
    fn is_in(&self, piece: &str) -> bool {
        self.primitives.iter().any(|name| name.contains(piece))
    }

    /// Whether nothing on the stack has a name that would say what it waits for.
    fn is_nameless(&self) -> bool {
        self.site.waits_for == WaitsFor::Unknown
    }

    /// Whether the futex operation is this one, flags aside.
    fn is_op(&self, operation: i32) -> bool {
        let flags = (libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME) as u32;
        (self.op & !flags) as i32 == operation
    }

    /// The 32-bit word of memory `offset` bytes from the waited-for address.
    fn u32_at(&self, offset: i64) -> Option<u32> {
        let at = self.address.checked_add_signed(offset)?;
        let word = self.u64_within(at & !7)?;
        Some(if at & 4 == 0 { word as u32 } else { (word >> 32) as u32 })
    }

    /// The 64-bit word of memory `offset` bytes from the waited-for address.
    fn u64_at(&self, offset: i64) -> Option<u64> {
        let at = self.address.checked_add_signed(offset)?;
        if at & 7 == 0 {
            return self.u64_within(at);
        }
        let (low, high) = (self.u32_at(offset)?, self.u32_at(offset + 4)?);
        Some(u64::from(low) | u64::from(high) << 32)
    }

    fn u64_within(&self, at: u64) -> Option<u64> {
        let start = (self.address & !7).saturating_sub(8 * crate::capture::AROUND);
        let nth = usize::try_from(at.checked_sub(start)? / 8).ok()?;
        self.word.around.get(nth).copied()
    }

    /// The thread of this process with that id.
    fn thread(&self, tid: u32) -> Option<&ThreadStack> {
        self.snapshot.threads.iter().find(|thread| u32::try_from(thread.own_id()) == Ok(tid))
    }
}
