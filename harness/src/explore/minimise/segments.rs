//! A schedule as who runs for how long, and what can be left out of one.

use standstill_scheduler::abi::{Decision, Event};

/// A thread runs for so many steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// The thread.
    pub thread: u32,
    /// Its steps; `u32::MAX`: until it cannot go on.
    pub steps: u32,
}

/// The segments of a recorded trial of so many steps. A step that no event tells of is its
/// predecessor's thread's.
pub(super) fn of_events(events: &[Event], steps: u64) -> Vec<Segment> {
    let mut ran: Vec<Option<u32>> = vec![None; usize::try_from(steps).unwrap_or(0)];
    for event in events {
        // Events count the steps that were begun, their own included.
        if let Some(thread) = ran.get_mut((event.step as usize).wrapping_sub(1)) {
            *thread = Some(event.thread);
        }
    }
    let mut current = 0;
    joined(ran.into_iter().map(|thread| {
        current = thread.unwrap_or(current);
        Segment { thread: current, steps: 1 }
    }))
}

/// Neighbours of one thread as one.
fn joined(segments: impl IntoIterator<Item = Segment>) -> Vec<Segment> {
    let mut out: Vec<Segment> = vec![];
    for segment in segments.into_iter().filter(|segment| segment.steps > 0) {
        match out.last_mut() {
            Some(last) if last.thread == segment.thread => {
                last.steps = last.steps.saturating_add(segment.steps);
            }
            _ => out.push(segment),
        }
    }
    out
}

/// Only those with these indices, which ascend. What a thread would have done in one that is left out
/// it does in its next: so all that is kept begins at the same moment of its thread.
pub(super) fn only(segments: &[Segment], kept: &[usize]) -> Vec<Segment> {
    let (mut kept, mut late) = (kept.iter().copied().peekable(), std::collections::HashMap::new());
    let out = segments.iter().enumerate().filter_map(|(nth, segment)| {
        let late: &mut u32 = late.entry(segment.thread).or_default();
        let steps = late.saturating_add(segment.steps);
        if kept.next_if_eq(&nth).is_none() {
            *late = steps;
            return None;
        }
        *late = 0;
        Some(Segment { steps, ..*segment })
    });
    joined(out.collect::<Vec<_>>())
}

/// Without this one.
pub(super) fn without(segments: &[Segment], nth: usize) -> Vec<Segment> {
    let kept: Vec<usize> = (0..segments.len()).filter(|other| *other != nth).collect();
    only(segments, &kept)
}

/// This one takes in its thread's next, which is left out; none if there is no next.
pub(super) fn pulled(segments: &[Segment], nth: usize) -> Option<Vec<Segment>> {
    let thread = segments[nth].thread;
    let next = (nth + 1..segments.len()).find(|later| segments[*later].thread == thread)?;
    let mut segments = segments.to_vec();
    let pulled = segments.remove(next).steps;
    segments[nth].steps = segments[nth].steps.saturating_add(pulled);
    Some(joined(segments))
}

/// This one runs until its thread cannot go on.
pub(super) fn to_its_end(segments: &[Segment], nth: usize) -> Vec<Segment> {
    let mut segments = segments.to_vec();
    segments[nth].steps = u32::MAX;
    segments
}

/// As a script for the strategy of that name.
pub(super) fn script(segments: &[Segment]) -> Vec<Decision> {
    segments.iter().map(|s| Decision { step: s.steps, thread: s.thread }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(of: &[(u32, u32)]) -> Vec<Segment> {
        of.iter().map(|&(thread, steps)| Segment { thread, steps }).collect()
    }

    #[test]
    fn events_tell_who_ran() {
        let event = |step, thread| Event { step, thread, ..Event::default() };
        let events = [event(1, 0), event(2, 0), event(2, 0), event(4, 2), event(5, 1)];
        assert_eq!(of_events(&events, 5), segments(&[(0, 3), (2, 1), (1, 1)]));
    }

    #[test]
    fn what_is_left_out_is_done_in_the_next_turn() {
        let all = segments(&[(0, 5), (1, 2), (0, 3), (2, 4), (1, 6)]);
        assert_eq!(without(&all, 1), segments(&[(0, 8), (2, 4), (1, 8)]));
        assert_eq!(without(&all, 4), segments(&[(0, 5), (1, 2), (0, 3), (2, 4)]));
        assert_eq!(only(&all, &[2, 4]), segments(&[(0, 8), (1, 8)]));
    }

    #[test]
    fn a_later_turn_can_be_pulled_up() {
        let all = segments(&[(0, 5), (1, 2), (0, 3), (2, 4), (1, 6)]);
        assert_eq!(pulled(&all, 1).unwrap(), segments(&[(0, 5), (1, 8), (0, 3), (2, 4)]));
        assert_eq!(pulled(&all, 3), None);
        assert_eq!(to_its_end(&all, 0)[0].steps, u32::MAX);
    }
}
