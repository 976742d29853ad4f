//! ddmin: the part of a list that still does it.
//!
//! Zeller, A., and Hildebrandt, R. (2002). Simplifying and Isolating Failure-Inducing Input. IEEE
//! Transactions on Software Engineering 28(2), figure 5: try each of n parts alone, then each
//! complement; on success go on with what is left, else with twice as many parts. What comes out is
//! 1-minimal: without any single item of it the test fails.

/// The items that are left when no part of them can be removed. `test` says whether a list still does
/// it; it is taken to be true of `items`, and is not asked again once `is_over`.
pub fn ddmin<T: Clone>(
    items: Vec<T>,
    test: &mut dyn FnMut(&[T]) -> bool,
    is_over: &dyn Fn() -> bool,
) -> Vec<T> {
    let (mut items, mut parts) = (items, 2);
    while items.len() >= 2 && !is_over() {
        let size = items.len().div_ceil(parts);
        let cuts: Vec<usize> = (0..items.len()).step_by(size).collect();
        let part = |at: usize| at..(at + size).min(items.len());
        let alone = cuts.iter().map(|at| items[part(*at)].to_vec());
        let others = cuts.iter().map(|at| {
            let part = part(*at);
            [&items[..part.start], &items[part.end..]].concat()
        });
        // With two parts the complements are the parts.
        let others = others.take(if cuts.len() > 2 { usize::MAX } else { 0 });
        let alone = alone.map(|list| (list, 2));
        let others = others.map(|list| (list, parts.saturating_sub(1).max(2)));
        let found = alone.chain(others).find(|(list, _)| !is_over() && test(list));
        match found {
            Some((list, next)) => (items, parts) = (list, next),
            None if parts >= items.len() => break,
            None => parts = (parts * 2).min(items.len()),
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minimal(items: Vec<u32>, test: impl Fn(&[u32]) -> bool) -> (Vec<u32>, u32) {
        let mut asked = 0;
        let mut count = |list: &[u32]| {
            asked += 1;
            test(list)
        };
        let left = ddmin(items, &mut count, &|| false);
        (left, asked)
    }

    #[test]
    fn what_is_needed_is_left_and_nothing_else() {
        let needs = |needed: &'static [u32]| {
            move |list: &[u32]| needed.iter().all(|item| list.contains(item))
        };
        for needed in [&[5][..], &[0, 99], &[3, 4, 70], &[1, 20, 40, 60, 80]] {
            assert_eq!(minimal((0..100).collect(), needs(needed)).0, needed);
        }
        let (left, asked) = minimal((0..1024).collect(), needs(&[700]));
        assert_eq!(left, [700]);
        assert!(asked < 30, "{asked}");
    }

    #[test]
    fn where_all_is_needed_all_is_left() {
        assert_eq!(minimal((0..9).collect(), |list| list.len() == 9).0.len(), 9);
        assert!(minimal(vec![], |_| true).0.is_empty());
        assert_eq!(minimal(vec![4], |_| false).0, [4]);
    }

    #[test]
    fn whoever_has_no_more_time_gets_what_there_is() {
        let mut test = |_: &[u32]| panic!("it is over");
        assert_eq!(ddmin(vec![1, 2, 3], &mut test, &|| true), [1, 2, 3]);
    }
}
