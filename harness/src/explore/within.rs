//! Work that may take longer than there is time for: to read the debug information of a large program,
//! to search its code.

use std::sync::mpsc::channel;
use std::time::Instant;

/// What comes of `job` if that is known at `until`. Else it is left to itself, on a thread of its own:
/// an answer that is due does not wait for it.
pub(super) fn within<T: Send + 'static>(
    until: Instant,
    job: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, over) = channel();
    let job = move || {
        // Nobody listens any more if it was late.
        let _ = done.send(job());
    };
    std::thread::Builder::new().name("standstill-look".to_owned()).spawn(job).ok()?;
    over.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_late_is_not_waited_for() {
        let begun = Instant::now();
        assert_eq!(within(begun + Duration::from_secs(60), || 7), Some(7));
        let slow = || std::thread::sleep(Duration::from_secs(60));
        assert_eq!(within(begun + Duration::from_millis(20), slow), None);
        assert!(begun.elapsed() < Duration::from_secs(50));
    }
}
