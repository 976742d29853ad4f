use super::*;
use crate::explore::interleaving::{End, Object};

fn did(step: u32, thread: u32, op: &str, object: Option<&str>, mark: Mark, place: &str) -> Row {
    let object = object.map(str::to_owned);
    Row::Did { step, thread, op: op.to_owned(), object, mark, place: place.to_owned() }
}

fn end(thread: u32, text: &str, place: &str) -> End {
    End { thread, text: text.to_owned(), place: place.to_owned() }
}

fn abba() -> Table {
    Table {
        threads: vec![0, 1],
        rows: vec![
            Row::Folded { threads: vec![0], steps: 5 },
            did(7, 0, "creates 1", None, Mark::None, "src/lib.rs:9 trial"),
            did(8, 0, "lock", Some("A"), Mark::Has, "c/q.c:25 q_push"),
            Row::Preempted { from: 0, to: 1 },
            did(9, 1, "starts", None, Mark::None, ""),
            did(10, 1, "lock", Some("B"), Mark::Has, "c/q.c:9 drain"),
            did(11, 1, "lock", Some("A"), Mark::Waits, "c/q.c:10 drain"),
            did(12, 0, "lock", Some("B"), Mark::Waits, "c/q.c:28 q_push"),
        ],
        objects: vec![
            Object { name: "A".to_owned(), address: 0xea0 },
            Object { name: "B".to_owned(), address: 0xe60 },
        ],
        ends: vec![
            end(0, "waits for B: 1 has it", "c/q.c:28 q_push"),
            end(1, "waits for A: main has it", "c/q.c:10 drain"),
        ],
        verdict: "deadlock: 2 threads wait for one another in a ring".to_owned(),
    }
}

#[test]
fn two_threads_stand_side_by_side() {
    insta::assert_snapshot!(interleaving(&abba()));
}

#[test]
fn a_path_that_is_cut_is_seen_to_be() {
    assert_eq!(tail("src/bank.rs:7 transfer", 30), "src/bank.rs:7 transfer");
    assert_eq!(tail("/home/me/work/src/bank.rs:7 transfer", 24), "…/src/bank.rs:7 transfer");
    assert_eq!(tail("a_function_with_a_long_name", 10), "a_functio…");
}

#[test]
fn what_does_not_fit_is_written_across_and_no_line_is_too_long() {
    let mut table = abba();
    table.threads = (0..9).collect();
    for thread in 2..9 {
        let long = "a_directory/with_a_long_name/and_a_file.rs:100 a_function_with_a_long_name";
        let op = "RawRwLock::lock_exclusive_slow";
        table.rows.push(did(100_000 + thread, thread, op, Some("AB"), Mark::TimedOut, long));
        table.ends.push(end(thread, "waits for AB: 1 has it", long));
    }
    table.rows.push(Row::Folded { threads: vec![1, 7], steps: 1000 });
    let text = interleaving(&table);
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    assert!(text.contains("thread 7: RawRwLock"), "{text}");
    assert!(text.contains("1000 steps of 2 threads"), "{text}");
    // Whoever takes part in the switch has a column.
    assert!(text.lines().next().is_some_and(|heads| heads.contains("thread 1")), "{text}");
}
