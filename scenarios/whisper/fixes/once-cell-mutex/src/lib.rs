//! Fix (c): `Arc<OnceCell<Mutex<WhisperContext>>>`, the workaround, as a type.
//!
//! **Guards** the loading, which whoever comes first does while the others wait, and every call of the
//! context: no two overlap. States are whisper-rs's own, and used without the lock.
//!
//! **Does not guard** states: dropped, used, or shared by two threads while another is created. Nor
//! contexts beside this one, parameters, free functions, or the environment.
//!
//! **Adds** the wait for the first load. A callback of `full` may create a state, since the lock is not
//! held there: unless its user keeps the guard of the mutex while `full` runs, which this type, that
//! lends the context to closures only, leaves no way to do by accident.

#![forbid(unsafe_code)]

use std::borrow::Borrow;
use std::sync::{Arc, Mutex, PoisonError};

// The standard library's cell has no stable way to fail while it is filled.
use once_cell::sync::OnceCell;
use whisper_rs::{WhisperContext, WhisperError, WhisperState};

/// How a context is loaded.
type Load<C> = dyn Fn() -> Result<C, WhisperError> + Send + Sync;

/// A context that is loaded when it is first needed. Clones share it.
#[allow(missing_debug_implementations, reason = "nor has WhisperContext any before 0.16")]
pub struct Context<C = WhisperContext> {
    cell: Arc<OnceCell<Mutex<C>>>,
    load: Arc<Load<C>>,
}

impl<C> Clone for Context<C> {
    fn clone(&self) -> Self {
        Context { cell: Arc::clone(&self.cell), load: Arc::clone(&self.load) }
    }
}

impl<C> Context<C> {
    /// Loads nothing yet. Once `load` has succeeded it is not called again.
    pub fn new(load: impl Fn() -> Result<C, WhisperError> + Send + Sync + 'static) -> Self {
        Context { cell: Arc::default(), load: Arc::new(load) }
    }

    fn locked<R>(&self, act: impl FnOnce(&C) -> R) -> Result<R, WhisperError> {
        let context = self.cell.get_or_try_init(|| (self.load)().map(Mutex::new))?;
        // A context is not changed through a shared reference, so a panic leaves nothing half done.
        Ok(act(&context.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl<C: Borrow<WhisperContext>> Context<C> {
    /// `WhisperContext::create_state` under the lock; loads the context if nobody has.
    pub fn create_state(&self) -> Result<WhisperState, WhisperError> {
        self.call(WhisperContext::create_state)?
    }

    /// Any other method of the context, under the lock; fails only if loading does.
    pub fn call<R>(&self, call: impl FnOnce(&WhisperContext) -> R) -> Result<R, WhisperError> {
        self.locked(|context| call(context.borrow()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    use std::thread;

    #[test]
    fn the_first_loads_and_all_get_the_same() {
        let loads = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&loads);
        let context = Context::new(move || Ok(counted.fetch_add(1, SeqCst)));
        let gate = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                let (context, gate) = (context.clone(), &gate);
                scope.spawn(move || {
                    gate.wait();
                    assert_eq!(context.locked(|number| *number).ok(), Some(0));
                });
            }
        });
        assert_eq!(loads.load(SeqCst), 1);
    }

    #[test]
    fn who_fails_to_load_leaves_it_to_the_next() {
        let loads = AtomicU32::new(0);
        let context = Context::new(move || match loads.fetch_add(1, SeqCst) {
            0 => Err(WhisperError::InitError),
            loads => Ok(loads),
        });
        assert!(matches!(context.locked(|number| *number), Err(WhisperError::InitError)));
        assert_eq!(context.locked(|number| *number).ok(), Some(1));
    }

    #[test]
    fn no_two_calls_overlap() {
        let context = Context::new(|| Ok(AtomicU32::new(0)));
        thread::scope(|scope| {
            for _ in 0..8 {
                let context = context.clone();
                scope.spawn(move || {
                    for _ in 0..1000 {
                        let seen = context.locked(|inside| {
                            (inside.fetch_add(1, SeqCst), inside.fetch_sub(1, SeqCst))
                        });
                        assert_eq!(seen.ok(), Some((0, 1)));
                    }
                });
            }
        });
    }
}
