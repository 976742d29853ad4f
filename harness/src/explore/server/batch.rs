//! A process that runs several trials, one after the other.

/// Trials that were to share a process, and did not, until that is said to be so.
const ENOUGH: u32 = 8;

/// The process that waits for another trial, and what is known of such processes.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The process, if there is one.
    pub(super) pid: Option<i32>,
    /// Trials that it has run.
    pub(super) trials: u32,
    /// Whether the present trial is to leave room for another.
    wanted: bool,
    /// Processes that ended with their first trial.
    single: u32,
    /// Whether any did not.
    shared: bool,
}

impl Batch {
    /// A trial begins: the process that runs it, if there is one already.
    pub(super) fn begins(&mut self) -> Option<i32> {
        let pid = self.pid.take();
        self.trials = if pid.is_some() { self.trials } else { 0 };
        pid
    }

    /// Whether the next trial is to leave room for another.
    pub(super) fn want(&mut self, wanted: bool) {
        self.wanted = wanted;
    }

    /// The process has run a trial and can run another one.
    pub(super) fn goes_on(&mut self, pid: i32) {
        self.pid = Some(pid);
        self.trials += 1;
        self.shared = true;
    }

    /// The process ended with its trial.
    pub(super) fn ended(&mut self) {
        self.single += u32::from(self.wanted && self.trials == 0);
    }

    /// Why there is never more than one trial in a process, if that is so.
    pub(super) fn unshared(&self, forks: bool) -> Option<&'static str> {
        let why = "it does not return from main with all its threads at their end, so each trial is a \
                   new process";
        match forks {
            false => Some("it is not forked, so each trial is a new process"),
            true => (!self.shared && self.single >= ENOUGH).then_some(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_never_comes_back_is_told_from_one_that_did_once() {
        let mut batch = Batch::default();
        batch.ended();
        batch.want(true);
        for _ in 0..ENOUGH {
            assert_eq!((batch.unshared(true), batch.begins()), (None, None));
            batch.ended();
        }
        assert!(batch.unshared(true).is_some());
        batch.goes_on(7);
        assert_eq!((batch.unshared(true), batch.pid, batch.trials), (None, Some(7), 1));
    }
}
