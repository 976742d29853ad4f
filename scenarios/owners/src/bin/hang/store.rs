//! Where the locks lie.

use std::io::{stderr, stdout};

use crate::locks::{Lock, Once, PlMutex, PlRwLock, PlTiny, StdMutex, StdRwLock, Stream};
use crate::pthread::{Flavour, Mutex as PthreadMutex, RwLock as PthreadRwLock};

/// Locks of one hang at most.
pub(crate) const MOST: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    StdMutex,
    StdRwLock,
    StdOnce,
    StdStream,
    PlMutex,
    PlTiny,
    PlRwLock,
    Pthread(Flavour),
    PthreadRwLock,
}

impl Family {
    pub(crate) const ALL: &[Family] = &[
        Family::StdMutex,
        Family::StdRwLock,
        Family::StdOnce,
        Family::PlMutex,
        Family::PlTiny,
        Family::PlRwLock,
        Family::Pthread(Flavour::Normal),
        Family::Pthread(Flavour::Recursive),
        Family::Pthread(Flavour::ErrorCheck),
        Family::Pthread(Flavour::Adaptive),
        Family::Pthread(Flavour::Robust),
        Family::PthreadRwLock,
    ];

    pub(crate) fn has_readers(self) -> bool {
        matches!(self, Family::StdRwLock | Family::PlRwLock | Family::PthreadRwLock)
    }

    /// Whether it can be let go and taken again.
    pub(crate) fn is_reusable(self) -> bool {
        self != Family::StdOnce
    }

    /// How many locks of it there can be.
    pub(crate) fn most(self) -> usize {
        if self == Family::StdStream { 2 } else { MOST }
    }
}

/// Where locks lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Static,
    Stack,
    /// All in one allocation, side by side.
    Heap,
    /// Each in an allocation of its own.
    Apart,
}

/// Eight locks of each family, side by side.
pub(crate) struct Store {
    std_mutexes: [StdMutex; MOST],
    std_rwlocks: [StdRwLock; MOST],
    onces: [Once; MOST],
    streams: [Stream; 2],
    pl_mutexes: [PlMutex; MOST],
    pl_tiny: [PlTiny; MOST],
    pl_rwlocks: [PlRwLock; MOST],
    pthread_mutexes: [PthreadMutex; MOST],
    pthread_rwlocks: [PthreadRwLock; MOST],
}

static STORE: Store = Store::new();

impl Store {
    const fn new() -> Store {
        Store {
            std_mutexes: [const { StdMutex::new(0) }; MOST],
            std_rwlocks: [const { StdRwLock::new(0) }; MOST],
            onces: [const { Once::new() }; MOST],
            streams: [Stream::Out(stdout), Stream::Err(stderr)],
            pl_mutexes: [const { parking_lot::const_mutex(0) }; MOST],
            pl_tiny: [const { parking_lot::const_mutex(()) }; MOST],
            pl_rwlocks: [const { parking_lot::const_rwlock(0) }; MOST],
            pthread_mutexes: [const { PthreadMutex::new() }; MOST],
            pthread_rwlocks: [const { PthreadRwLock::new() }; MOST],
        }
    }

    fn lock(&'static self, family: Family, nth: usize) -> &'static dyn Lock {
        match family {
            Family::StdMutex => &self.std_mutexes[nth],
            Family::StdRwLock => &self.std_rwlocks[nth],
            Family::StdOnce => &self.onces[nth],
            Family::StdStream => &self.streams[nth],
            Family::PlMutex => &self.pl_mutexes[nth],
            Family::PlTiny => &self.pl_tiny[nth],
            Family::PlRwLock => &self.pl_rwlocks[nth],
            Family::Pthread(flavour) => {
                self.pthread_mutexes[nth].prepare(flavour);
                &self.pthread_mutexes[nth]
            }
            Family::PthreadRwLock => &self.pthread_rwlocks[nth],
        }
    }
}

/// Gives `go` a lock for each of `families`, which lie at `place`; `go` does not return.
pub(crate) fn with_locks(
    place: Place,
    families: &[Family],
    go: impl FnOnce(Vec<&'static dyn Lock>),
) {
    let of = |store: &'static Store| {
        families.iter().enumerate().map(|(nth, family)| store.lock(*family, nth)).collect()
    };
    let leak = || &*Box::leak(Box::new(Store::new()));
    match place {
        Place::Static => go(of(&STORE)),
        Place::Heap => go(of(leak())),
        Place::Apart => {
            let nth = |(nth, family): (usize, &Family)| leak().lock(*family, nth);
            go(families.iter().enumerate().map(nth).collect());
        }
        Place::Stack => {
            let store = Store::new();
            // SAFETY: should `go` return, which it does not, or unwind, the process ends before
            // anything of this call's stack is used again.
            let forever = unsafe { &*std::ptr::from_ref(&store) };
            let end = End;
            go(of(forever));
            drop(end);
        }
    }
}

/// Ends the process when it is dropped.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        std::process::abort();
    }
}
