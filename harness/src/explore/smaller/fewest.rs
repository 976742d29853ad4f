//! The smallest number that still does it: which to try next.

/// What came of trying a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It still does it.
    Yes,
    /// It was not seen to do it.
    No,
    /// There is no time to try it.
    Over,
}

/// The smallest number above `no` that `test` was seen to say yes to, and `now` if there is none:
/// `first` is tried first, then the middle of what is between the largest no and the smallest yes.
///
/// A yes is certain, a no is not, and a larger number may fail where a smaller one does. So this is
/// the smallest that was seen, and may not be the smallest there is.
pub fn fewest(no: u32, now: u32, first: u32, test: &mut dyn FnMut(u32) -> Answer) -> u32 {
    let (mut no, mut yes, mut next) = (no, now, first);
    loop {
        if next <= no || next >= yes {
            next = no + yes.saturating_sub(no) / 2;
        }
        if next <= no || next >= yes {
            return yes;
        }
        match test(next) {
            Answer::Yes => yes = next,
            Answer::No => no = next,
            Answer::Over => return yes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found, and what was tried for it.
    fn tried(no: u32, now: u32, first: u32, test: impl Fn(u32) -> Answer) -> (u32, Vec<u32>) {
        let mut asked = vec![];
        let mut note = |n| {
            asked.push(n);
            test(n)
        };
        let found = fewest(no, now, first, &mut note);
        (found, asked)
    }

    fn needs(least: u32) -> impl Fn(u32) -> Answer {
        move |n| if n >= least { Answer::Yes } else { Answer::No }
    }

    #[test]
    fn two_threads_are_tried_before_any_others() {
        assert_eq!(tried(1, 8, 2, needs(2)), (2, vec![2]));
        assert_eq!(tried(1, 8, 2, needs(1)), (2, vec![2]));
        assert_eq!(tried(1, 2, 2, needs(2)), (2, vec![]));
        assert_eq!(tried(1, 1, 2, needs(1)), (1, vec![]));
    }

    #[test]
    fn where_two_do_not_do_it_the_rest_is_halved() {
        assert_eq!(tried(1, 8, 2, needs(3)), (3, vec![2, 5, 3]));
        assert_eq!(tried(1, 8, 2, needs(8)), (8, vec![2, 5, 6, 7]));
        assert_eq!(tried(1, 3, 2, needs(3)), (3, vec![2]));
        let (found, asked) = tried(1, 64, 2, needs(33));
        assert!(found == 33 && asked.len() <= 7, "{found} {asked:?}");
    }

    #[test]
    fn one_iteration_is_tried_first_and_is_the_end() {
        assert_eq!(tried(0, 12, 1, needs(1)), (1, vec![1]));
        assert_eq!(tried(0, 12, 1, needs(4)), (4, vec![1, 6, 3, 4]));
        assert_eq!(tried(0, 1, 1, needs(1)), (1, vec![]));
    }

    #[test]
    fn what_there_was_no_time_for_is_not_said() {
        assert_eq!(tried(1, 8, 2, |_| Answer::Over), (8, vec![2]));
        let mut left = 2;
        let mut test = |n| {
            left -= 1;
            if left == 0 { Answer::Over } else { needs(3)(n) }
        };
        assert_eq!(fewest(1, 8, 2, &mut test), 8);
        assert_eq!(left, 0);
    }
}
