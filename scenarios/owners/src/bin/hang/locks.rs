//! The locks of std and parking_lot behind one face, and the places where they can lie.

use std::hint::black_box;
use std::io::{Stderr, Stdout};
use std::sync::{OnceLock, PoisonError};
use std::time::Duration;

use crate::pthread::{Mutex as PthreadMutex, RwLock as PthreadRwLock};

/// How a lock is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Read,
    /// Of parking_lot: beside readers, but not beside another of its kind.
    Upgradable,
}

/// Where a guard is while its lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Local,
    Boxed,
    Forgotten,
    /// On the heap, and the call that took the lock has returned.
    Away,
}

/// A guard of which nothing but its end matters.
pub(crate) trait Held {}
impl<T> Held for T {}

pub(crate) trait Lock: Sync {
    /// Takes it, keeps the guard as told and goes on.
    fn hold(&'static self, mode: Mode, keep: Keep, then: &mut dyn FnMut());
    /// Takes it; none if it can be held by a call alone.
    fn grab(&'static self, mode: Mode) -> Option<Box<dyn Held>>;
    /// Tries to take it for a while.
    fn attempt(&'static self, _: Duration) {}
    /// Its address as the graph should give it; 0 if std hides it.
    fn address(&self) -> u64 {
        (&raw const *self).addr() as u64
    }
}

/// Keeps a guard while `then` runs.
pub(crate) fn kept<G>(guard: G, keep: Keep, then: &mut dyn FnMut()) {
    match keep {
        Keep::Local => {
            let guard = guard;
            black_box(&guard);
            then();
        }
        Keep::Boxed | Keep::Away => {
            let guard = black_box(Box::new(guard));
            then();
            drop(guard);
        }
        Keep::Forgotten => {
            std::mem::forget(guard);
            then();
        }
    }
}

/// Puts a lock with a method that gives a guard behind the trait.
macro_rules! guarded {
    ($name:ty, |$self:ident, $mode:ident, $go:ident| $body:expr $(, $extra:item)?) => {
        impl Lock for $name {
            fn hold(&'static self, $mode: Mode, keep: Keep, then: &mut dyn FnMut()) {
                let $self = self;
                macro_rules! $go { ($guard:expr) => { kept($guard, keep, then) }; }
                $body
            }
            fn grab(&'static self, $mode: Mode) -> Option<Box<dyn Held>> {
                let $self = self;
                macro_rules! $go { ($guard:expr) => { Some(Box::new($guard) as Box<dyn Held>) }; }
                $body
            }
            $($extra)?
        }
    };
}

pub(crate) type StdMutex = std::sync::Mutex<u32>;
guarded!(StdMutex, |it, _mode, go| go!(it.lock().unwrap_or_else(PoisonError::into_inner)));

pub(crate) type StdRwLock = std::sync::RwLock<u64>;
guarded!(StdRwLock, |it, mode, go| match mode {
    Mode::Read => go!(it.read().unwrap_or_else(PoisonError::into_inner)),
    _ => go!(it.write().unwrap_or_else(PoisonError::into_inner)),
});

/// With data of eight bytes, and a single byte in all, which stands at odd addresses too.
pub(crate) type PlMutex = parking_lot::Mutex<u64>;
guarded!(
    PlMutex,
    |it, _mode, go| go!(it.lock()),
    fn attempt(&'static self, limit: Duration) {
        drop(self.try_lock_for(limit));
    }
);
pub(crate) type PlTiny = parking_lot::Mutex<()>;
guarded!(PlTiny, |it, _mode, go| go!(it.lock()));

pub(crate) type PlRwLock = parking_lot::RwLock<u32>;
guarded!(PlRwLock, |it, mode, go| match mode {
    Mode::Read => go!(it.read()),
    Mode::Write => go!(it.write()),
    Mode::Upgradable => go!(it.upgradable_read()),
});

guarded!(
    PthreadMutex,
    |it, _mode, go| go!(it.lock()),
    fn attempt(&'static self, limit: Duration) {
        drop(self.lock_within(limit));
    }
);
guarded!(PthreadRwLock, |it, mode, go| match mode {
    Mode::Read => go!(it.read()),
    _ => go!(it.write()),
});

/// Std's `ReentrantLock` cannot be had in any other way.
pub(crate) enum Stream {
    Out(fn() -> Stdout),
    Err(fn() -> Stderr),
}

guarded!(
    Stream,
    |it, _mode, go| match it {
        Stream::Out(stream) => go!(stream().lock()),
        Stream::Err(stream) => go!(stream().lock()),
    },
    fn address(&self) -> u64 {
        0
    }
);

pub(crate) type Once = OnceLock<u32>;

impl Lock for Once {
    fn hold(&'static self, _: Mode, _: Keep, then: &mut dyn FnMut()) {
        black_box(self.get_or_init(|| {
            then();
            7
        }));
    }
    fn grab(&'static self, _: Mode) -> Option<Box<dyn Held>> {
        None
    }
    fn address(&self) -> u64 {
        // Which of its fields comes first is the compiler's to say.
        0
    }
}
