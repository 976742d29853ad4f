//! As little of an executor as programs need: a task is its own waker.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake};

/// A task. Who waits for something holds it by its waker, even where nobody else does.
pub(crate) struct Task {
    future: Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>,
    woken: AtomicBool,
}

impl Task {
    pub(crate) fn new(future: impl Future<Output = ()> + Send + 'static) -> Arc<Task> {
        Arc::new(Task { future: Mutex::new(Box::pin(future)), woken: AtomicBool::new(false) })
    }

    /// Goes on with it; whether it has ended, after which it must not be polled.
    pub(crate) fn poll(self: &Arc<Self>) -> bool {
        self.woken.store(false, SeqCst);
        let waker = self.clone().into();
        let mut future = self.future.lock().expect("nobody panics");
        future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
    }

    pub(crate) fn was_woken(&self) -> bool {
        self.woken.load(SeqCst)
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, SeqCst);
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("woken", &self.woken).finish_non_exhaustive()
    }
}
