use super::*;
use crate::sweep::fixture::swept;
use crate::verdict::Kind;

#[test]
fn the_answer_says_what_was_tested_and_what_was_not() {
    let lines = sentences(&swept(&[(1, 0, 400), (2, 37, 50), (3, 25, 25), (8, 0, 400)]));
    insta::assert_snapshot!(lines.join("\n"), @r"
    bank/transfer fails with 2 threads: deadlock in 37 of 50, at least 55.26 %; with 1 thread in 0 of 400, at most 0.92 %
    of more threads: it fails with 3, is below the floor with 8; 4 to 7 were not tested
    ");
}

#[test]
fn one_failure_in_four_hundred_is_told_and_decides_nothing() {
    let lines = sentences(&swept(&[(1, 0, 400), (3, 1, 400)]));
    insta::assert_snapshot!(lines.join("\n"), @r"
    bank/transfer: it fails in less than 1.00 % of trials with 1 thread; undecided with 3 threads; 2 and 4 to 8 were not tested
    seen once with 3 threads, in 1 of 400, undecided whether below the floor: it can happen there
    ");
}

#[test]
fn nothing_seen_is_no_proof_that_there_is_nothing() {
    let lines = sentences(&swept(&[(1, 0, 400), (2, 0, 400)]));
    insta::assert_snapshot!(lines.join("\n"), @r"
    bank/transfer: no failure was seen; left open is less than 1.00 % of trials with each of 1 and 2 threads; 3 to 8 were not tested
    ");
}

#[test]
fn what_was_seen_instead_is_no_good_end() {
    let mut asked = swept(&[(1, 0, 25), (2, 0, 25), (4, 0, 25)]);
    asked.kind = Some(Kind::Deadlock);
    for count in &mut asked.counts[1..] {
        count.others.insert(Kind::Panic, 25);
    }
    let first = |swept: &Swept| sentences(swept).remove(0);
    insta::assert_snapshot!(first(&asked), @"bank/transfer: no deadlock was seen; panic in 25 of 25 with 2 and with 4 threads; undecided with 1, 2 and 4 threads; 3 and 5 to 8 were not tested");
    asked.counts[2].others.insert(Kind::Panic, 3);
    insta::assert_snapshot!(first(&asked), @"bank/transfer: no deadlock was seen; panic in 25 of 25 with 2 threads, in 3 of 25 with 4 threads; undecided with 1, 2 and 4 threads; 3 and 5 to 8 were not tested");
    let bounded = Swept { kind: asked.kind, ..swept(&[(1, 0, 400), (2, 0, 400)]) };
    insta::assert_snapshot!(first(&bounded), @"bank/transfer: no deadlock was seen; left open is deadlock in less than 1.00 % of trials with each of 1 and 2 threads; 3 to 8 were not tested");
}

#[test]
fn a_gap_below_the_answer_is_named() {
    let sparse = Swept { asked: vec![1, 8], ..swept(&[(1, 0, 400), (8, 25, 25)]) };
    let lines = sentences(&sparse);
    insta::assert_snapshot!(lines.join("\n"), @r"
    bank/transfer fails with 8 threads: deadlock in 25 of 25, at least 80.90 %; with 1 thread in 0 of 400, at most 0.92 %; 2 to 7 were not tested
    ");
}

#[test]
fn the_table_has_a_row_for_each_tested_count() {
    let mut swept = swept(&[(1, 0, 400), (2, 37, 50), (8, 2, 400)]);
    swept.counts[2].others.insert(Kind::Panic, 3);
    swept.counts[2].inconclusive = 1;
    insta::assert_snapshot!(table(&swept, Paint::PLAIN), @r"
    threads    k of n     rate  interval           says
          1  0 of 400   0.00 %  at most 0.92 %     below the floor
          2  37 of 50  74.00 %  at least 55.26 %   fails
          8  2 of 400   0.50 %  0.026 % to 1.79 %  undecided        also: panic in 3, 1 inconclusive
    The floor is 1.00 %. Each interval holds at 95 % over all looks at its count.
    ");
    let coloured = table(&swept, Paint::COLOURED);
    assert_eq!(console::strip_ansi_codes(&coloured), table(&swept, Paint::PLAIN));
}
