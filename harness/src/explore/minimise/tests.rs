use super::*;

/// Two threads of so many steps that run to their ends; the bug shows if thread 1 has made between
/// `from` and `to` steps when thread 2 makes its step `at`.
struct Fake {
    length: u32,
    window: std::ops::Range<u32>,
    at: u32,
    runs: u32,
    most: u32,
}

impl Trials for Fake {
    fn run(&mut self, segments: &[Segment]) -> Option<Attempt> {
        if self.is_over() {
            return None;
        }
        self.runs += 1;
        let mut left = [self.length; 2];
        let (mut did, mut shows): (Vec<Segment>, bool) = (vec![], false);
        let rest = [1, 2].map(|thread| Segment { thread, steps: u32::MAX });
        for segment in segments.iter().chain(&rest) {
            let thread = segment.thread as usize - 1;
            for _ in 0..segment.steps.min(left[thread]) {
                left[thread] -= 1;
                let made = left.map(|left| self.length - left);
                shows |= thread == 1 && made[1] == self.at && self.window.contains(&made[0]);
                match did.last_mut() {
                    Some(last) if last.thread == segment.thread => last.steps += 1,
                    _ => did.push(Segment { thread: segment.thread, steps: 1 }),
                }
            }
        }
        let switches = did.len() as u64 - 1;
        // The last segment of a thread ends because the thread does.
        let preemptions = (switches as u32).saturating_sub(1);
        let cost = Cost { preemptions, switches, steps: u64::from(2 * self.length) };
        shows.then_some(Attempt { segments: did, cost })
    }

    fn sparse(&mut self, _: u32) -> Option<Attempt> {
        None
    }

    fn is_over(&self) -> bool {
        self.runs >= self.most
    }
}

fn fake(window: std::ops::Range<u32>, most: u32) -> Fake {
    Fake { length: 60, window, at: 30, runs: 0, most }
}

/// A schedule that switches after every three steps.
fn restless() -> Vec<Segment> {
    (0..40).map(|nth| Segment { thread: 1 + nth % 2, steps: 3 }).collect()
}

#[test]
fn one_preemption_is_left_where_one_is_needed() {
    let mut fake = fake(28..34, 500);
    let start = fake.run(&restless()).expect("the long schedule shows it");
    assert!(start.cost.preemptions > 30, "{start:?}");
    let best = cheapest(start, &mut fake);
    assert_eq!((best.cost.preemptions, best.cost.switches), (1, 2), "{best:?}");
    assert!(fake.runs < 300, "{}", fake.runs);
    // What it did shows it again.
    assert_eq!(fake.run(&best.segments).as_ref(), Some(&best));
}

#[test]
fn none_is_left_where_none_is_needed() {
    let mut fake = fake(0..61, 500);
    let start = fake.run(&restless()).unwrap();
    assert_eq!(cheapest(start, &mut fake).cost.preemptions, 0);
}

#[test]
fn the_bound_on_runs_holds_and_what_comes_is_no_worse() {
    let mut fake = fake(28..34, 6);
    let start = fake.run(&restless()).unwrap();
    let best = cheapest(start.clone(), &mut fake);
    assert!(best.cost <= start.cost && fake.runs == 6);
}
