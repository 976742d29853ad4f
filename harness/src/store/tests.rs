//! What a run directory keeps, whoever kills, cuts, scribbles or fills the disk.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::report::fixture::{clean, finding, header, probe, unit};
use crate::verdict::{Confidence, Kind};

/// A run directory of one unit with ten planned trials.
struct Dir(tempfile::TempDir);

impl Dir {
    /// One that holds a probe and this many trials.
    fn with(trials: u64) -> Dir {
        let dir = Dir(tempfile::tempdir().unwrap());
        let mut writer = Writer::create(dir.path(), &planned()).unwrap();
        writer.write(&probe("transfer")).unwrap();
        (0..trials).for_each(|index| writer.write(&trial(index)).unwrap());
        dir
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn load(&self) -> Result<Run, StoreError> {
        Run::load(self.path())
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path().join(RECORDS)).unwrap()
    }

    fn put(&self, text: &str) {
        fs::write(self.path().join(RECORDS), text).unwrap();
    }

    fn error(&self) -> String {
        self.load().unwrap_err().to_string()
    }
}

fn planned() -> Header {
    header(vec![unit("transfer", 2, 10)])
}

fn trial(index: u64) -> Record {
    Record::Trial(clean(&planned(), 0, index))
}

fn indices(run: &Run) -> Vec<u64> {
    run.trials.iter().map(|t| t.index).collect()
}

#[test]
fn what_is_written_is_read_back() {
    let dir = Dir::with(0);
    let header = planned();
    let hang = finding(Kind::Hang, Confidence::Suspected, "bank::transfer");
    let late = clean(&header, 0, 4).with(&header, hang).with_stacks();
    let mut writer = Writer::resume(&dir.load().unwrap()).unwrap();
    let note = || Record::Note { scenario: "bank/transfer".into(), note: "x".into() };
    for record in [note(), Record::Trial(late.clone()), note(), Record::Ended { interrupted: true }]
    {
        writer.write(&record).unwrap();
    }
    let run = dir.load().unwrap();
    assert_eq!((&run.header, &run.trials[..]), (&header, &[late][..]));
    assert_eq!(run.notes.len(), 1, "a repeated note is one");
    let Record::Probe(probe) = probe("transfer") else { unreachable!() };
    assert_eq!(run.probes["bank/transfer"], probe);
    assert!(!run.torn && !run.is_complete());
    assert_eq!(run.done(), BTreeSet::from([(0, 4)]));
}

#[test]
fn a_torn_last_line_is_passed_over_and_cut_by_the_next_session() {
    let dir = Dir::with(2);
    let whole = dir.text();
    dir.put(&format!("{whole}{}", &whole[..40]));
    let run = dir.load().unwrap();
    assert!(run.torn);
    assert_eq!(indices(&run), [0, 1]);
    let mut writer = Writer::resume(&run).unwrap();
    assert_eq!(dir.text(), whole);
    writer.write(&trial(2)).unwrap();
    assert_eq!(indices(&dir.load().unwrap()), [0, 1, 2]);
}

#[test]
fn a_line_that_is_no_record_is_passed_over_and_the_rest_is_read() {
    let dir = Dir::with(2);
    let text = dir.text();
    let lines: Vec<&str> = text.lines().collect();
    for (line, broken) in [(3, "nonsense"), (3, "{\"record\":\"trial\"}"), (4, lines[0]), (3, "")] {
        let mut lines = lines.clone();
        lines[line - 1] = broken;
        dir.put(&(lines.join("\n") + "\n"));
        let run = dir.load().unwrap();
        assert_eq!(run.damaged.iter().map(|damage| damage.line).collect::<Vec<_>>(), [line]);
        assert_eq!(run.trials.len(), 1, "{broken}");
        assert!(!run.is_complete());
    }
}

#[test]
fn a_header_that_is_none_is_an_error_that_names_the_file() {
    let dir = Dir::with(2);
    let text = dir.text();
    let (_, rest) = text.split_once('\n').unwrap();
    dir.put(&format!("nonsense\n{rest}"));
    let error = dir.error();
    assert!(error.contains("no header") && error.contains(RECORDS), "{error}");
}

#[test]
fn a_unit_that_the_plan_does_not_have_is_damage() {
    let dir = Dir::with(0);
    let mut writer = Writer::resume(&dir.load().unwrap()).unwrap();
    writer.write(&Record::Trial(TrialRecord { unit: 1, ..clean(&planned(), 0, 0) })).unwrap();
    let run = dir.load().unwrap();
    assert!(run.trials.is_empty() && run.damaged[0].line == 3);
    assert!(run.damaged[0].why.contains("of unit 1 was never planned"), "{:?}", run.damaged);
}

#[test]
fn a_run_of_the_schema_before_is_read() {
    let dir = Dir::with(2);
    dir.put(&dir.text().replacen("\"schema\":2", "\"schema\":1", 1));
    assert_eq!(indices(&dir.load().unwrap()), [0, 1]);
}

#[test]
fn another_schema_is_refused_by_its_number() {
    let dir = Dir::with(1);
    let newer = dir.text().replacen("\"schema\":2", "\"schema\":99,\"unheard\":{}", 1);
    dir.put(&newer);
    assert!(matches!(dir.load(), Err(StoreError::Schema { found: 99, .. })));
    assert!(dir.error().contains("schema 99"));
}

#[test]
fn a_directory_without_a_header_is_not_a_run() {
    let dir = Dir::with(0);
    for text in ["", "{\"record\":\"ru"] {
        dir.put(text);
        assert!(matches!(dir.load(), Err(StoreError::NotARun(_))));
    }
    fs::remove_file(dir.path().join(RECORDS)).unwrap();
    assert!(matches!(dir.load(), Err(StoreError::NotARun(_))));
    assert!(matches!(Run::load(&dir.path().join("nowhere")), Err(StoreError::NotARun(_))));
    let Record::Trial(first) = trial(0) else { unreachable!() };
    dir.put(&(serde_json::to_string(&Record::Trial(first)).unwrap() + "\n"));
    assert!(dir.error().contains("no header"), "{}", dir.error());
}

#[test]
fn a_run_is_never_begun_over_another() {
    let dir = Dir::with(1);
    let error = Writer::create(dir.path(), &planned()).unwrap_err();
    assert!(matches!(&error, StoreError::Io { doing: "create", .. }), "{error}");
    assert_eq!(indices(&dir.load().unwrap()), [0]);
}

#[test]
fn a_second_writer_is_refused_while_the_first_lives() {
    let dir = Dir::with(1);
    let run = dir.load().unwrap();
    let first = Writer::resume(&run).unwrap();
    assert!(matches!(Writer::resume(&run), Err(StoreError::InUse(_))));
    drop(first);
    Writer::resume(&run).unwrap();
}

#[test]
fn a_run_that_went_on_since_it_was_read_is_not_resumed() {
    let dir = Dir::with(2);
    let torn = format!("{}torn", dir.text());
    for text in [dir.text(), torn] {
        dir.put(&text);
        let stale = dir.load().unwrap();
        Writer::resume(&dir.load().unwrap()).unwrap().write(&trial(2)).unwrap();
        assert!(matches!(Writer::resume(&stale), Err(StoreError::InUse(_))));
        assert_eq!(indices(&dir.load().unwrap()), [0, 1, 2], "nothing was cut off");
    }
}

#[test]
fn a_trial_that_stands_twice_counts_once() {
    let dir = Dir::with(3);
    let mut writer = Writer::resume(&dir.load().unwrap()).unwrap();
    let again = clean(&planned(), 0, 1).inconclusive("run again");
    writer.write(&Record::Trial(again)).unwrap();
    let run = dir.load().unwrap();
    assert_eq!(indices(&run), [0, 1, 2]);
    assert_eq!(run.summaries()[0].trials(), 3);
    assert_eq!(run.summaries()[0].inconclusive, 0, "the first one stands");
}

#[test]
fn every_unit_of_the_plan_has_a_summary_and_completeness_is_counted() {
    let header = header(vec![unit("transfer", 2, 1), unit("audit", 2, 1)]);
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path(), &header).unwrap();
    writer.write(&Record::Trial(clean(&header, 0, 0))).unwrap();
    let run = Run::load(dir.path()).unwrap();
    let trials: Vec<u64> = run.summaries().iter().map(Summary::trials).collect();
    assert_eq!((trials, run.is_complete()), (vec![1, 0], false));
    writer.write(&Record::Trial(clean(&header, 1, 0))).unwrap();
    assert!(Run::load(dir.path()).unwrap().is_complete());
}

/// In a process of its own, because a limit on file sizes holds for a whole process.
#[test]
#[ntest::timeout(60_000)]
fn a_full_disk_leaves_whole_records_and_room_for_the_next() {
    const HERE: &str = "store::tests::a_full_disk_leaves_whole_records_and_room_for_the_next";
    const DIR: &str = "STANDSTILL_TEST_FULL_DISK";
    if let Some(dir) = std::env::var_os(DIR) {
        let run = Run::load(Path::new(&dir)).unwrap();
        let mut writer = Writer::resume(&run).unwrap();
        let failed = (0..1000).find(|n| writer.write(&trial(n % 10)).is_err());
        let failed = failed.expect("the disk was never full");
        let text = std::fs::read_to_string(Path::new(&dir).join(RECORDS)).unwrap();
        assert_eq!(text.matches("\"record\":\"trial\"").count() as u64, failed);
        let note = || Record::Note { scenario: String::new(), note: String::new() };
        writer.write(&note()).expect("what fits is written");
        return;
    }
    let dir = Dir::with(0);
    let limited = "trap '' XFSZ; ulimit -f 16; exec \"$@\"";
    let output = std::process::Command::new("sh")
        .args(["-c", limited, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", HERE, "--test-threads=1"])
        .env(DIR, dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let run = dir.load().unwrap();
    assert!(!run.torn && !run.trials.is_empty() && run.notes.len() == 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_run_that_was_cut_anywhere_holds_its_whole_records_and_goes_on(
        share in 0.0..1.0_f64,
        by in 0..3_usize,
    ) {
        let dir = Dir::with(3);
        let whole = dir.text();
        // Somewhere, and exactly at or next to the end of a line.
        let at = (whole.len() as f64 * share) as usize;
        let line_end = whole[at..].find('\n').map_or(whole.len(), |end| at + end);
        for cut in [at, (line_end + by).min(whole.len())] {
            dir.put(&whole[..cut]);
            let lines = whole[..cut].matches('\n').count();
            let run = match dir.load() {
                Err(StoreError::NotARun(_)) => {
                    prop_assert_eq!(lines, 0);
                    continue;
                }
                other => other.unwrap(),
            };
            prop_assert_eq!(run.trials.len(), lines.saturating_sub(2));
            prop_assert_eq!(run.torn, !whole[..cut].ends_with('\n'));
            let mut writer = Writer::resume(&run).unwrap();
            writer.write(&trial(7)).unwrap();
            let on = dir.load().unwrap();
            prop_assert_eq!(on.trials.len(), run.trials.len() + 1);
            prop_assert!(!on.torn);
        }
    }

    /// Whatever stands in the file, reading it never fails otherwise than in words, and every record on a
    /// line of its own behind a whole header is there.
    #[test]
    fn scribbling_costs_the_lines_that_were_hit_and_no_others(
        hits in prop::collection::vec((0.0..1.0_f64, prop::collection::vec(any::<u8>(), 1..40)), 1..4),
    ) {
        let dir = Dir::with(8);
        let whole = dir.text().into_bytes();
        let begin = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let mut bytes = whole.clone();
        for (share, scribble) in &hits {
            let at = begin + ((whole.len() - begin) as f64 * share) as usize;
            for (byte, new) in bytes[at..].iter_mut().zip(scribble) {
                *byte = *new;
            }
        }
        fs::write(dir.path().join(RECORDS), &bytes).unwrap();
        let lines = |bytes: &[u8]| {
            let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            lines.pop();
            lines
        };
        let (before, after) = (lines(&whole), lines(&bytes));
        let trials = |lines: &[Vec<u8>]| lines.iter().filter(|line| line.starts_with(b"{\"record\":\"trial\"")).count();
        let untouched: Vec<Vec<u8>> = before.into_iter().filter(|line| after.contains(line)).collect();
        let run = dir.load().unwrap();
        prop_assert!(run.trials.len() >= trials(&untouched));
        let _ = (run.summaries(), run.is_complete());
        prop_assert_eq!(run.torn, bytes.last() != Some(&b'\n'));
    }

    /// A file that is something else altogether.
    #[test]
    fn any_bytes_are_refused_in_words(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let dir = Dir::with(0);
        fs::write(dir.path().join(RECORDS), &bytes).unwrap();
        let error = dir.load().unwrap_err().to_string();
        prop_assert!(!error.is_empty() && !error.contains('\n'));
    }
}

#[test]
fn whether_a_run_can_begin_is_known_without_a_trace_of_having_looked() {
    let dir = Dir::with(2);
    let whole = dir.text();
    let error = Writer::check(dir.path()).unwrap_err().to_string();
    assert!(error.contains("failed to create") && error.contains(RECORDS), "{error}");
    assert_eq!(dir.text(), whole, "what is there stays");
    let (below, empty) = (dir.path().join("a/b"), dir.path().join("empty"));
    fs::create_dir(&empty).unwrap();
    Writer::check(&below).unwrap();
    Writer::check(&empty).unwrap();
    assert!(!below.exists() && empty.read_dir().unwrap().next().is_none());
    assert!(Writer::check(&dir.path().join(RECORDS)).is_err(), "a file is no directory");
}
