//! Reports as they are handed on: whole, checked, and without what is nobody's business.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Ran, controls, run, standstill, stress};

/// A run of the controls, kept below a directory.
fn stressed(dir: &Path, scenario: &str, flags: &[&str]) -> PathBuf {
    let run_dir = dir.join("run");
    stress(controls(), scenario, &run_dir, flags);
    run_dir
}

fn report(runs: &[&Path], more: &[&str]) -> Ran {
    let mut args = vec!["report"];
    args.extend(runs.iter().map(|run| run.to_str().unwrap()));
    args.extend(more);
    run(&args)
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
#[ntest::timeout(120_000)]
fn a_report_is_one_folder_and_one_archive_and_its_checksums_hold() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = stressed(dir.path(), "abba", &["-t", "1,2", "-n", "3"]);
    let told = report(&[&run_dir], &["--reproduce", "off"]).exits(0).stdout;
    assert!(told.contains("deadlock (proven)") && told.contains("report.tar.zst"), "{told}");
    let folder = run_dir.join("report");
    for name in [
        "REPORT.md",
        "report.html",
        "report.json",
        "junit.xml",
        "report.sarif",
        "raw/run-1/run.jsonl",
    ] {
        assert!(folder.join(name).is_file(), "{name} is missing");
    }
    let check = |dir: &Path| {
        let mut command = Command::new("sha256sum");
        command
            .args(["--check", "--quiet", "SHA256SUMS"])
            .current_dir(dir)
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(check(&folder));
    std::fs::write(folder.join("REPORT.md"), "touched").unwrap();
    assert!(!check(&folder), "a file that was touched is noticed");
    let again = report(&[&folder.join("raw/run-1")], &["-o", "-"]).exits(0).stdout;
    assert!(again.contains("| scenarios/abba | 2 | plain | 3 of 3 |"), "{again}");
}

#[test]
#[ntest::timeout(120_000)]
fn a_folder_whose_name_is_no_text_is_told_of_all_the_same() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let dir = tempfile::tempdir().unwrap();
    let run_dir = stressed(dir.path(), "abba", &["-t", "2", "-n", "1"]);
    let folder = dir.path().join(OsStr::from_bytes(b"named-\xff"));
    let mut command = standstill(&["report"]);
    command.arg(&run_dir).args(["--reproduce", "off", "--message-format", "json"]);
    let out = command.arg("-o").arg(&folder).output().unwrap();
    let (told, said) = (String::from_utf8(out.stdout), String::from_utf8_lossy(&out.stderr));
    assert_eq!(out.status.code(), Some(0), "{said}");
    assert!(told.unwrap().contains("named-\u{fffd}"), "{said}");
    assert!(folder.join("REPORT.md").is_file());
}

#[test]
#[ntest::timeout(120_000)]
fn two_runs_make_one_report_and_a_folder_of_somebody_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let one = stressed(&dir.path().join("a"), "abba", &["-t", "2", "-n", "2"]);
    let other = stressed(&dir.path().join("b"), "abba_look_alike", &["-t", "2", "-n", "2"]);
    let out = dir.path().join("out");
    let flags = ["--reproduce", "off", "-o", out.to_str().unwrap()];
    report(&[&one, &other], &flags).exits(0);
    let page = text(&out.join("REPORT.md"));
    assert!(
        page.contains("scenarios/abba |") && page.contains("scenarios/abba_look_alike |"),
        "{page}"
    );
    report(&[&one], &flags).exits(0);
    std::fs::remove_file(out.join("SHA256SUMS")).unwrap();
    report(&[&one], &flags).exits(2).complains_of(&["holds something else"]);
    assert!(text(&out.join("REPORT.md")).contains("scenarios/abba"), "it is as it was");
}

#[test]
#[ntest::timeout(300_000)]
fn a_reproducer_of_the_users_own_is_built_and_counted_and_one_that_does_not_fail_is_said_not_to() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = stressed(dir.path(), "abba", &["-t", "2", "-n", "2"]);
    for (body, said) in [
        // A program that ends badly is no reproducer of a deadlock.
        ("return 3;", "fails differently: 12 wrong-result, 0 deadlock in 12 runs"),
        ("return 0;", "did not fail natively in 12 runs (at most 26.46 %)"),
        ("return nothing;", "it does not build: `repro.c:"),
    ] {
        let source = dir.path().join("repro.c");
        let text = format!(
            "// build: cc -o repro repro.c\n#include <unistd.h>\nint main(void) {{ {body} }}\n"
        );
        std::fs::write(&source, text).unwrap();
        let flags = ["--reproducer-source", source.to_str().unwrap(), "--trials", "12"];
        let told = report(&[&run_dir], &flags).exits(0).stdout;
        assert!(told.contains(said), "{told}");
        let page = self::text(&run_dir.join("report/REPORT.md"));
        assert!(page.contains(said), "{page}");
        let headline = page.lines().next().unwrap();
        assert!(!headline.contains("standalone reproducer"), "{headline}");
        assert!(run_dir.join("report/reproducer/repro.c").is_file());
    }
}

#[test]
#[ntest::timeout(300_000)]
fn a_program_that_stands_still_is_a_reproducer_of_a_deadlock() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = stressed(dir.path(), "abba", &["-t", "2", "-n", "2"]);
    let source = dir.path().join("repro.c");
    let text = "// build: cc -pthread -o repro repro.c\n#include <pthread.h>\n\
                static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;\n\
                int main(void) { pthread_mutex_lock(&m); return pthread_mutex_lock(&m); }\n";
    std::fs::write(&source, text).unwrap();
    let source = source.to_str().unwrap();
    let flags = ["--reproducer-source", source, "--trials", "1", "--reproduce", "20s"];
    let told = report(&[&run_dir], &flags).exits(0).stdout;
    assert!(told.contains("failed natively in 1 of 1 runs ("), "{told}");
    assert!(told.contains("; 1 of 1 runs of a standalone reproducer"), "{told}");
    let page = self::text(&run_dir.join("report/report.json"));
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    let kinds = page["reproducer"]["kinds"].as_object().unwrap();
    assert_eq!(kinds.values().cloned().collect::<Vec<_>>(), [1], "{kinds:?}");
}

#[test]
#[ntest::timeout(120_000)]
fn no_file_of_a_report_tells_where_its_user_lives() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().canonicalize().unwrap();
    let run_dir = place.join("run");
    let args = ["stress", "abba", "--binary", controls().to_str().unwrap(), "--run-dir"];
    let ran = |args: &[&str]| {
        let mut command = standstill(args);
        command.env("HOME", &place).env("PATH", std::env::var_os("PATH").unwrap());
        Ran::from(command.output().unwrap())
    };
    let path = format!("path={}/file", place.display());
    let set = ["-t", "2", "-n", "2", "--set", "password=hunter2hunter2", "--set", &path];
    ran(&[&args[..], &[run_dir.to_str().unwrap()], &set].concat()).exits(0);
    assert!(
        text(&run_dir.join("run.jsonl")).contains(place.to_str().unwrap()),
        "there is what to redact"
    );
    ran(&["report", run_dir.to_str().unwrap(), "--reproduce", "off"]).exits(0);
    let mut todo = vec![run_dir.join("report")];
    while let Some(dir) = todo.pop() {
        for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                todo.push(path);
                continue;
            }
            let text = text(&path);
            for secret in [place.to_str().unwrap(), "hunter2"] {
                assert!(!text.contains(secret), "{secret} stands in {}", path.display());
            }
        }
    }
    let page = text(&run_dir.join("report/REPORT.md"));
    assert!(
        page.contains("Taken out before this was written: ") && page.contains("home directory"),
        "{page}"
    );
}

#[test]
#[ntest::timeout(120_000)]
fn bad_input_is_refused_in_a_sentence_before_anything_is_built() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = stressed(dir.path(), "abba_look_alike", &["-t", "2", "-n", "2"]);
    let nowhere = dir.path().join("nowhere");
    report(&[&nowhere], &[]).exits(2).complains_of(&["nowhere does not exist"]);
    report(&[&run_dir], &["--template", nowhere.to_str().unwrap()])
        .exits(2)
        .complains_of(&["template"]);
    let template = dir.path().join("mine.md");
    std::fs::write(&template, "{{ headlime }}").unwrap();
    report(&[&run_dir], &["--template", template.to_str().unwrap()])
        .exits(2)
        .complains_of(&["headlime"]);
    report(&[&run_dir], &["--template", "/dev/zero"]).exits(2).complains_of(&["no regular file"]);
    for subject in ["", "bank\nof mine"] {
        report(&[&run_dir], &["--subject", subject]).exits(2).complains_of(&["a subject"]);
    }
    let source = dir.path().join("repro.c");
    std::fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    for (source, why) in [
        (&nowhere, "No such file"),
        (&dir.path().to_owned(), "no regular file"),
        (&source, "no comment `build: COMMAND`"),
    ] {
        report(&[&run_dir], &["--reproducer-source", source.to_str().unwrap()])
            .exits(2)
            .complains_of(&[why]);
    }
    assert!(!run_dir.join("report").exists());
    let file = dir.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    report(&[&run_dir], &["-o", file.to_str().unwrap()])
        .exits(2)
        .complains_of(&["holds something else"]);
    report(&[&run_dir], &["-o", "/proc/none/report"]).exits(4).complains_of(&["failed to"]);
    report(&[&run_dir], &["--reproduce", "soon"]).exits(2);
}

#[test]
#[ntest::timeout(120_000)]
fn a_run_counts_once_however_often_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = stressed(dir.path(), "abba", &["-t", "2", "-n", "3"]);
    report(&[&run_dir], &["--reproduce", "off"]).exits(0);
    let folder = run_dir.join("report");
    let is_report = folder.to_str().unwrap().to_owned() + " is a report; its runs are in";
    report(&[&folder], &[]).exits(2).complains_of(&[&is_report]);
    let copy = folder.join("raw/run-1");
    let told = report(&[&run_dir, &run_dir.join("."), &copy], &["-o", "-"]).exits(0);
    assert!(told.stdout.contains("| scenarios/abba | 2 | plain | 3 of 3 |"), "{}", told.stdout);
    assert!(told.stderr.contains("is left out: it is the same run as"), "{}", told.stderr);
    run(&["compare", run_dir.to_str().unwrap(), copy.to_str().unwrap()])
        .exits(2)
        .complains_of(&["A and B are the same trials"]);
}

#[test]
#[ntest::timeout(120_000)]
fn what_somebody_has_written_into_a_report_outlives_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = stressed(dir.path(), "abba", &["-t", "2", "-n", "2"]);
    let again = || report(&[&run_dir], &["--reproduce", "off"]);
    again().exits(0);
    let page = run_dir.join("report/REPORT.md");
    let blank = "The tool leaves this blank. -->\n";
    let written = text(&page).replace(blank, &format!("{blank}Our server stands still.\n"));
    std::fs::write(&page, written).unwrap();
    again().exits(0);
    assert!(text(&page).contains("\nOur server stands still.\n\n<!-- Your own words end here"));
    let note = run_dir.join("report/mynote.txt");
    std::fs::write(&note, "mine").unwrap();
    again().exits(2).complains_of(&["`mynote.txt` in it is none of its files"]);
    assert_eq!(text(&note), "mine");
}
