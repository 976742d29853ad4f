//! The switches that somebody decided on, and whom they kept from going on.

use std::collections::BTreeMap;

use standstill_scheduler::abi::{Decision, EVENT_BLOCKED, Event, Op};

/// A thread could go on, and another ran instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch {
    /// Steps that had been begun.
    pub step: u32,
    /// The thread that could go on.
    pub from: u32,
    /// The thread that ran.
    pub to: u32,
}

/// The switches away from the running thread.
pub fn preemptions(events: &[Event], decisions: &[Decision]) -> Vec<Switch> {
    let switches = decisions.iter().filter_map(|decision| {
        let from = runner(events, decision.step)?;
        (from != decision.thread && can_go_on(events, from, decision.step)).then_some(Switch {
            step: decision.step,
            from,
            to: decision.thread,
        })
    });
    switches.collect()
}

/// A thread that could go on before is given the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The thread.
    pub thread: u32,
    /// The how manieth time it was that it had come to the runtime.
    pub entry: u32,
    /// How many turns it had waited: 1 if it was the next.
    pub waited: u32,
}

/// All turns that threads waited for, the first one's not among them. A thread that comes out of a
/// wait or a spin needs no turn: it goes on when it can.
pub fn turns(events: &[Event]) -> Vec<Turn> {
    let mut out: Vec<Turn> = vec![];
    let mut last: BTreeMap<u32, [Option<&Event>; 2]> = BTreeMap::new();
    // For each thread, how many turns there had been when it last ran, or when it was created.
    let mut since: BTreeMap<u32, u32> = BTreeMap::new();
    let (mut runs, mut count) = (None, 0);
    for event in events {
        let [_, before] = last.get(&event.thread).copied().unwrap_or_default();
        let is_new = runs.is_some_and(|thread| thread != event.thread);
        if is_new && is_ready(last.get(&event.thread).copied().unwrap_or_default()) {
            count += 1;
            let waited = count - since.get(&event.thread).copied().unwrap_or(0);
            out.push(Turn { thread: event.thread, entry: event.entry.max(1), waited });
        }
        runs = Some(event.thread);
        since.insert(event.thread, count);
        if event.op == Op::Create as u32 && event.object != 0 {
            since.entry(event.object as u32).or_insert(count);
        }
        last.insert(event.thread, [before, Some(event)]);
    }
    // Whoever was never given another turn was to wait until it was over.
    let kept =
        last.into_iter().filter(|(thread, events)| runs != Some(*thread) && is_ready(*events));
    let turns = kept.filter_map(|(thread, [_, last])| {
        let waited = count + 1 - since.get(&thread).copied().unwrap_or(0);
        Some(Turn { thread, entry: last?.entry + 1, waited })
    });
    out.extend(turns.collect::<Vec<_>>());
    out
}

/// Who made the last step before this one.
fn runner(events: &[Event], step: u32) -> Option<u32> {
    events.iter().take_while(|event| event.step <= step).last().map(|event| event.thread)
}

/// Whether a thread neither waits nor spins nor is over when so many steps have been begun. One that
/// was woken and has not run since counts as waiting.
fn can_go_on(events: &[Event], thread: u32, step: u32) -> bool {
    let so_far = events.iter().take_while(|event| event.step <= step);
    let own = so_far.filter(|event| event.thread == thread);
    is_ready(own.fold([None, None], |[_, last], event| [last, Some(event)]))
}

/// The same by a thread's last two events.
fn is_ready([before, last]: [Option<&Event>; 2]) -> bool {
    let Some(last) = last else { return true };
    let op = Op::of(last.op);
    let again = before.is_some_and(|before| before.pc == last.pc && op == Op::Load);
    let spins = matches!(op, Op::Pause | Op::Yield) || again;
    !spins && last.flags & EVENT_BLOCKED == 0 && op != Op::Exit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(step: u32, thread: u32, op: Op, flags: u32, entry: u32) -> Event {
        let object = if op == Op::Create { u64::from(step) } else { 0x10 };
        Event { step, thread, op: op as u32, flags, entry, object, ..Event::default() }
    }

    #[test]
    fn a_switch_names_the_moment_at_which_a_thread_was_kept_waiting() {
        let events = [
            event(1, 0, Op::Create, 0, 1),
            event(2, 0, Op::Create, 0, 2),
            event(3, 0, Op::Join, 0, 3),
            event(3, 0, Op::Join, EVENT_BLOCKED, 3),
            event(4, 2, Op::Start, 0, 0),
            event(5, 2, Op::MutexLock, 0, 1),
            event(6, 1, Op::Start, 0, 0),
            event(7, 1, Op::MutexLock, EVENT_BLOCKED, 1),
            event(8, 2, Op::MutexLock, 0, 2),
        ];
        let decisions = [(3, 2), (5, 1)].map(|(step, thread)| Decision { step, thread });
        assert_eq!(preemptions(&events, &decisions), [Switch { step: 5, from: 2, to: 1 }]);
        let turn = |thread, entry, waited| Turn { thread, entry, waited };
        assert_eq!(turns(&events), [turn(2, 1, 1), turn(1, 1, 2), turn(2, 2, 2)]);
    }
}
