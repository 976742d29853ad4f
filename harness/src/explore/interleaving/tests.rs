use std::collections::BTreeMap;

use standstill_scheduler::abi::{
    Blocked, Decision, EVENT_BLOCKED, EVENT_FAILED, EVENT_RESUMED, EVENT_TOOK, Event, Op,
};

use super::*;
use crate::explore::ended::{How, Numbers, Stand};
use crate::explore::places::Line;

/// A call at this pc, named by a line of the same number.
fn event(step: u32, thread: u32, op: Op, flags: u32, object: u64, pc: u64) -> Event {
    Event { step, thread, op: op as u32, flags, object, pc, entry: step, pad: 0 }
}

fn ended(events: Vec<Event>, decisions: Vec<Decision>, blocked: Vec<Blocked>) -> Ended {
    Ended {
        how: How::Stood(Stand::Deadlock),
        pid: 1,
        numbers: Numbers::default(),
        blocked,
        places: BTreeMap::new(),
        decisions,
        events,
        stdout: Default::default(),
        stderr: Default::default(),
        printed: None,
        said: None,
        scene: None,
    }
}

fn places(pcs: &[u64]) -> BTreeMap<u64, Place> {
    let frame = |pc| Line { function: "app::work".to_owned(), at: format!("src/app.rs:{pc}") };
    let place = |pc| Place { module: "app".to_owned(), address: pc, frames: vec![frame(pc)] };
    pcs.iter().map(|pc| (*pc, place(*pc))).collect()
}

/// Two threads, two locks, the orders opposite.
fn abba() -> Ended {
    let (a, b) = (0xa0, 0xb0);
    let events = vec![
        event(1, 0, Op::Create, 0, 0, 90),
        event(2, 0, Op::Create, 0, 1, 90),
        event(3, 0, Op::MutexLock, 0, 0xcc0, 91),
        event(4, 0, Op::MutexLock, 0, a, 10),
        event(5, 1, Op::Start, 0, 1, 0),
        event(6, 1, Op::MutexLock, 0, b, 20),
        event(7, 1, Op::MutexLock, 0, a, 21),
        event(7, 1, Op::MutexLock, EVENT_BLOCKED, a, 21),
        event(8, 0, Op::MutexLock, 0, b, 11),
        event(8, 0, Op::MutexLock, EVENT_BLOCKED, b, 11),
    ];
    let waits = |thread, object, owner| Blocked {
        thread,
        op: Op::MutexLock as u32,
        object,
        owner,
        ..Blocked::default()
    };
    let blocked = vec![waits(0, b, 2), waits(1, a, 1)];
    ended(events, vec![Decision { step: 4, thread: 1 }], blocked)
}

#[test]
fn a_ring_is_told_in_its_locks_alone() {
    let table = table(&abba(), &places(&[10, 11, 20, 21, 90, 91]), Some("a ring"));
    let rows: Vec<String> = table
        .rows
        .iter()
        .map(|row| match row {
            Row::Did { step, thread, op, object, mark, place } => {
                let object = object.as_deref().unwrap_or("-");
                format!("{step} {thread} {op} {object} {mark:?} {place}")
            }
            Row::Folded { threads, steps } => format!("{steps} of {threads:?}"),
            Row::Preempted { from, to } => format!("{from} -> {to}"),
        })
        .collect();
    let expected = [
        "2 0 creates 1 - None src/app.rs:90 work",
        "1 of [0]",
        "4 0 lock A Has src/app.rs:10 work",
        "0 -> 1",
        "5 1 starts - None ",
        "6 1 lock B Has src/app.rs:20 work",
        "7 1 lock A Waits src/app.rs:21 work",
        "8 0 lock B Waits src/app.rs:11 work",
    ];
    assert_eq!(rows, expected);
    let ends: Vec<&str> = table.ends.iter().map(|end| end.text.as_str()).collect();
    assert_eq!(ends, ["waits for B: 1 has it", "waits for A: main has it"]);
    assert_eq!(table.threads, [0, 1]);
}

#[test]
fn a_lock_is_had_when_it_is_taken_and_not_when_it_is_asked_for() {
    let mut places = places(&[10, 12]);
    let lock = Line { function: "std::sync::Mutex<T>::lock".to_owned(), at: String::new() };
    places.get_mut(&10).unwrap().frames.insert(0, lock);
    let events = vec![
        event(1, 1, Op::Rmw, EVENT_TOOK, 0xa0, 9),
        event(2, 2, Op::Rmw, EVENT_FAILED, 0xa0, 9),
        event(3, 2, Op::Load, 0, 0xa0, 70),
        event(4, 1, Op::Rmw, 0, 0xa0, 11),
        event(5, 2, Op::Rmw, EVENT_TOOK, 0xa0, 71),
        event(6, 2, Op::Rmw, 0, 0xa0, 11),
    ];
    let table = table(&ended(events, vec![], vec![]), &places, None);
    let marks: Vec<_> = table
        .rows
        .iter()
        .filter_map(|row| match row {
            Row::Did { step, thread, mark, .. } => Some((*step, *thread, *mark)),
            _ => None,
        })
        .collect();
    let expected = [
        (1, 1, Mark::Has),
        (2, 2, Mark::Tries),
        (4, 1, Mark::None),
        (5, 2, Mark::Has),
        (6, 2, Mark::None),
    ];
    assert_eq!(marks, expected);
}

#[test]
fn a_wait_inside_of_a_library_is_part_of_the_programs_call() {
    let event = |step, op, flags, pc| event(step, 1, op, flags, 0xa0, pc);
    // The fast path of a lock lies in the program, the slow one does not.
    let events = vec![
        event(1, Op::Rmw, 0, 9),
        event(2, Op::Pause, 0, 70),
        event(3, Op::Rmw, 0, 71),
        event(4, Op::FutexWait, 0, 72),
        event(4, Op::FutexWait, EVENT_BLOCKED, 72),
        event(5, Op::FutexWait, EVENT_RESUMED, 72),
        event(6, Op::Rmw, 0, 11),
    ];
    let waits = Blocked { thread: 2, op: Op::FutexWait as u32, object: 0xa0, ..Blocked::default() };
    let mut places = places(&[10, 12]);
    let lock = Line { function: "std::sync::Mutex<T>::lock".to_owned(), at: String::new() };
    let drop = Line {
        function: "core::ptr::drop_in_place<std::sync::MutexGuard<T>>".to_owned(),
        at: String::new(),
    };
    places.get_mut(&10).unwrap().frames.insert(0, lock);
    places.get_mut(&12).unwrap().frames.insert(0, drop);
    let table = table(&ended(events, vec![], vec![waits]), &places, None);
    let told = |row: &Row| match row {
        Row::Did { op, mark, .. } => format!("{op} {mark:?}"),
        other => format!("{other:?}"),
    };
    let rows: Vec<String> = table.rows.iter().map(told).collect();
    assert_eq!(rows, ["lock Waits", "lock Has", "unlock None"]);
}
