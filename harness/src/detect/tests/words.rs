//! What may be said with which confidence, whatever was seen.

use proptest::prelude::*;

use super::*;
use crate::observation::ActorWindow;

fn wait() -> impl Strategy<Value = Wait> {
    let futex = any::<(u64, bool)>().prop_map(|(addr, timed)| Wait::Futex {
        addr,
        val: 2,
        op: 0x80,
        timed,
    });
    let syscall = (0..450_i64).prop_map(|nr| Wait::Syscall { nr });
    prop_oneof![futex, syscall, Just(Wait::Running), Just(Wait::Unreadable)]
}

fn threads() -> impl Strategy<Value = Vec<ThreadSeen>> {
    let thread =
        (1..9, wait()).prop_map(|(tid, wait)| ThreadSeen { tid, wait, schedstat: [1, 1, 1] });
    prop::collection::vec(thread, 0..5)
}

/// Steps are what a sick target wrote: any number.
fn actor() -> impl Strategy<Value = ActorWindow> {
    use ActorState::{AtGate, Finished, Panicked, Running, Unborn};
    let states = prop::sample::select(vec![Unborn, AtGate, Running, Finished, Panicked]);
    let (steps, flags) = (any::<(u64, u64)>(), any::<(bool, bool)>());
    let times = any::<(Option<bool>, Option<u64>)>();
    (steps, flags, states, times).prop_map(|(steps, flags, state, (ran, cpu_us))| {
        let ((steps_before, steps_after), (started, ended)) = (steps, flags);
        ActorWindow { steps_before, steps_after, started, ended, state, ran, cpu_us }
    })
}

fn window() -> impl Strategy<Value = Window> {
    let actors = prop::collection::vec(actor(), 0..5);
    let cpu = (prop_oneof![0..2000_u64, any::<u64>()], any::<Option<u64>>());
    let wakers = prop::option::of(Just("it handles SIGTERM, which anybody may send".to_owned()));
    (0..2000_u64, cpu, actors, threads(), wakers).prop_map(
        |(ms, (cpu_ms, step_us), actors, threads, waker)| Window {
            still: vec![],
            ms,
            cpu_ms,
            waited_ms: 0,
            step_us,
            actors,
            threads,
            wakers: waker.into_iter().collect(),
        },
    )
}

fn phase() -> impl Strategy<Value = Phase> {
    use Phase::{Checking, Done, Preparing, Running, SettingUp, Starting};
    let running = prop::sample::select(vec![Running]);
    let other = prop::sample::select(vec![Starting, Preparing, SettingUp, Checking, Done]);
    prop_oneof![running, other]
}

fn deadline() -> impl Strategy<Value = Standstill> {
    (phase(), window()).prop_map(|(phase, window)| Standstill::Deadline { phase, window })
}

fn either() -> impl Strategy<Value = Standstill> {
    let complete = (any::<u64>(), threads())
        .prop_map(|(after_us, threads)| Standstill::Complete { after_us, threads });
    prop_oneof![4 => deadline(), 1 => complete]
}

/// Any trial that the watchdog ended so, also with stacks that name locks.
fn ended(by: impl Strategy<Value = Standstill>) -> impl Strategy<Value = Observation> {
    let frames = prop::sample::select(vec![
        &["syscall", "<std::sync::poison::mutex::Mutex<u8>>::lock", "app::f"][..],
        &["___pthread_cond_wait", "app_wait"],
        &["app::spin"],
        &[],
    ]);
    let stack = (1..9, frames).prop_map(|(tid, frames)| super::stack(tid, "actor", frames));
    let stacks = prop::option::of(prop::collection::vec(stack, 0..5));
    (by, stacks, any::<bool>()).prop_map(|(standstill, threads, counts_steps)| {
        let stacks = threads.and_then(super::stacks);
        let ending = died_of(libc::SIGKILL);
        let standstill = Some(standstill);
        Observation { standstill, stacks, counts_steps, ending, killed: true, ..midway() }
    })
}

proptest! {
    #[test]
    fn a_deadline_never_becomes_a_deadlock(trial in ended(deadline())) {
        let finding = first(&trial);
        prop_assert_eq!(finding.confidence, Suspected);
        let late = [Kind::Slow, Kind::Hang, Kind::Livelock, Kind::Starvation];
        prop_assert!(late.contains(&finding.kind), "{}", finding.kind);
    }

    #[test]
    fn what_is_suspected_is_not_called_a_deadlock(trial in ended(either())) {
        for finding in judge(&trial).findings() {
            if finding.confidence == Suspected {
                prop_assert!(!finding.summary.contains("deadlock"), "{}", finding.summary);
                for line in &finding.evidence {
                    let said = line.replace("a deadlock cannot be proven here", "");
                    prop_assert!(!said.contains("deadlock"), "{line}");
                }
            }
        }
    }

    #[test]
    fn only_the_double_collect_proves_and_narrower_kinds_are_inferred(trial in ended(either())) {
        for finding in judge(&trial).findings() {
            let proof = finding.evidence.iter().any(|line| line.starts_with("proven: "));
            match finding.kind {
                Kind::Deadlock => prop_assert!(proof && finding.confidence == Proven),
                Kind::SelfDeadlock | Kind::LostWakeup => {
                    prop_assert!(proof && finding.confidence == Inferred);
                }
                _ => prop_assert!(!proof),
            }
        }
    }

    #[test]
    fn what_a_sick_target_writes_is_judged_and_survives_the_store(trial in ended(either())) {
        let line = serde_json::to_string(&trial).unwrap();
        let read: Observation = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(judge(&read), judge(&trial));
    }
}
