//! `standstill reproducer`: what it writes is built and run in an empty directory, and the rate told is
//! that of the thing written.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use standstill::protocol::{Card, Contract, Place};
use standstill::reproducer::{
    Budget, Built, FromScenario, ReproError, Reproducer, Verified, from_scenario, verify,
};
use standstill::verdict::Expectation;

use crate::run::{Ran, root, standstill};

/// A crate with scenarios, which nobody has to build.
const SCENARIOS: &str = r#"
//! Two locks.
use std::sync::{Barrier, Mutex};
use std::time::Duration;
use standstill_kit::{Builder, Kind, Scenario};

type Locks = ([Mutex<u32>; 2], Barrier);

fn locks() -> Locks { ([Mutex::new(0), Mutex::new(0)], Barrier::new(2)) }

// in opposite orders
fn opposite() -> Scenario {
    Scenario::new("opposite").about("two take two").finds(Kind::Deadlock)
        .timeout(Duration::from_millis(500))
        .setup(|_, _| locks())
        .actor(|(locks, both), me| {
            let _first = locks[me.index() % 2].lock().unwrap();
            both.wait();
            let _second = locks[(me.index() + 1) % 2].lock().unwrap();
        })
        .build()
}

// in one order
fn same() -> Scenario {
    Scenario::new("same").iterations(20).results_equal_sequential()
        .setup(|_, _| locks())
        .actor(|(locks, _), me| {
            for _ in 0..me.iterations() {
                let mut first = locks[0].lock().unwrap();
                *first += 1;
                *locks[1].lock().unwrap() += 1;
                me.step();
            }
            me.iterations()
        })
        .check(|(locks, _), all: &[u32]| {
            let sum: u32 = all.iter().sum();
            if *locks[0].lock().unwrap() == sum { Ok(()) } else { Err("lost one".to_owned()) }
        })
        .build()
}

// another each
fn alone() -> Scenario {
    Scenario::new("alone").results_equal_sequential().actor(|me| me.index()).build()
}

// every sort of failure
fn sorts() -> Scenario {
    Scenario::new("sorts")
        .setup(|_, info| info.seed)
        .actor(|seed, me| match seed % 4 {
            0 => std::process::abort(),
            1 => panic!("as it should"),
            2 => std::process::exit(9),
            _ => me.count(),
        })
        .check(|_, _: &[usize]| Err("never good".to_owned()))
        .build()
}

// for ever
fn never() -> Scenario {
    Scenario::new("never").timeout(Duration::from_secs(600))
        .setup(|_, _| std::fs::write("MARK", std::process::id().to_string()).unwrap())
        .actor(|_, _| while std::process::id() > 0 { std::thread::park() })
        .build()
}

// with an argument
fn given(name: &str) -> Scenario { Scenario::new(name).build() }

fn main() {}
"#;

/// The crate in a directory of its own, with the lock file of this workspace.
fn krate(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let kit = root().join("harness/kit");
    let manifest = format!(
        "[package]\nname = \"mine\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dev-dependencies]\nstandstill-kit = {{ path = {kit:?} }}\n\n\
         [[test]]\nname = \"scenarios\"\nharness = false\n"
    );
    for (name, text) in
        [("Cargo.toml", manifest.as_str()), ("tests/scenarios.rs", text), ("src/lib.rs", "")]
    {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::copy(root().join("Cargo.lock"), dir.path().join("Cargo.lock")).unwrap();
    dir
}

/// A reproducer of the scenario behind the comment `// what`.
fn made(dir: &Path, text: &str, what: &str) -> Result<Reproducer, ReproError> {
    let line = text.lines().position(|line| line == format!("// {what}")).unwrap() as u32 + 2;
    let places = vec![Place { file: "tests/scenarios.rs".to_owned(), line }];
    let card = Card {
        name: "it".to_owned(),
        about: "two take two".to_owned(),
        contract: Contract::default(),
        expectation: Expectation::Clean,
        control_of: None,
        threads: vec![2],
        iterations: None,
        trials: 1,
        timeout_ms: 1000,
        counts_steps: false,
        has_oracle: false,
        keeps_threads: false,
        zygote: true,
        generates: false,
        places,
        reproducer: None,
    };
    let wanted = FromScenario {
        name: "mine/it",
        manifest: &dir.join("Cargo.toml"),
        test: "scenarios",
        card: &card,
        threads: 2,
        iterations: None,
        trials: 100,
        seconds: 60,
        shows: None,
    };
    from_scenario(&wanted, &dir.join("out"))
}

fn verified(made: &Reproducer, runs: u32) -> Verified {
    let budget = Budget { runs, ..Budget::default() };
    verify(made, budget, &AtomicBool::new(false)).unwrap()
}

#[test]
#[ntest::timeout(120_000)]
fn a_scenario_fails_in_an_empty_directory_as_it_did() {
    let dir = krate(SCENARIOS);
    let made = made(dir.path(), SCENARIOS, "in opposite orders").unwrap();
    let seen = verified(&made, 3);
    assert_eq!(seen.to_string(), "failed natively in 3 of 3 runs (3 did not end within 0.5 s)");
    let text = std::fs::read_to_string(made.dir.join("src/main.rs")).unwrap();
    assert!(!text.contains("standstill_kit") && !text.contains("fn same"), "{text}");
    assert!(!text.to_lowercase().contains("a deadlock"), "a deadline proves none: {text}");
    let manifest = std::fs::read_to_string(made.dir.join("Cargo.toml")).unwrap();
    assert!(!manifest.contains("dependencies"), "{manifest}");
    let lock = std::fs::read_to_string(made.dir.join("Cargo.lock")).unwrap();
    assert_eq!(lock.matches("[[package]]").count(), 1, "{lock}");
    let readme = std::fs::read_to_string(made.dir.join("README.md")).unwrap();
    assert_eq!(readme.lines().filter(|line| !line.is_empty()).count(), 5, "{readme}");
}

#[test]
#[ntest::timeout(120_000)]
fn a_correct_look_alike_is_not_seen_to_fail() {
    let dir = krate(SCENARIOS);
    let seen = verified(&made(dir.path(), SCENARIOS, "in one order").unwrap(), 20);
    assert_eq!(seen.to_string(), "did not fail natively in 20 runs");
}

#[test]
#[ntest::timeout(120_000)]
fn every_sort_of_failure_is_counted_apart() {
    let dir = krate(SCENARIOS);
    let seen = verified(&made(dir.path(), SCENARIOS, "every sort of failure").unwrap(), 8);
    let kinds: Vec<(&str, u32)> = seen.kinds.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
    let expected = [
        ("died of signal 6", 2),
        ("ended with code 9", 2),
        ("had a wrong result", 2),
        ("panicked", 2),
    ];
    assert_eq!((kinds.as_slice(), seen.failed, seen.of), (&expected[..], 8, 8));
}

#[test]
#[ntest::timeout(120_000)]
fn what_does_not_compile_is_told_in_the_compilers_words() {
    let dir = krate(SCENARIOS);
    let seen = verified(&made(dir.path(), SCENARIOS, "another each").unwrap(), 1);
    let Built::No { words } = &seen.built else { panic!("{seen:?}") };
    assert!(words.starts_with("error[E") && words.contains("src/main.rs"), "{words}");
    assert_eq!((seen.to_string().as_str(), seen.of), ("it does not build", 0));
}

#[test]
#[ntest::timeout(120_000)]
fn what_cannot_be_cut_out_is_refused_in_a_sentence() {
    let dir = krate(SCENARIOS);
    let why = made(dir.path(), SCENARIOS, "with an argument").unwrap_err().to_string();
    assert!(
        why.starts_with("cut `mine/it` out of its crate: the function that builds it takes"),
        "{why}"
    );
    assert!(!dir.path().join("out").exists());
}

#[test]
#[ntest::timeout(120_000)]
fn an_interrupted_verification_leaves_no_process_behind() {
    let dir = krate(SCENARIOS);
    // A path below the workspace would be redacted.
    let elsewhere = tempfile::tempdir().unwrap();
    let mark = elsewhere.path().join("mark");
    let text = SCENARIOS.replace("MARK", mark.to_str().unwrap());
    std::fs::write(dir.path().join("tests/scenarios.rs"), &text).unwrap();
    let made = made(dir.path(), &text, "for ever").unwrap();
    let stop = AtomicBool::new(false);
    let pid = std::thread::scope(|scope| {
        let verifying = scope.spawn(|| verify(&made, Budget::default(), &stop).unwrap());
        let pid = loop {
            let text = std::fs::read_to_string(&mark).unwrap_or_default();
            if let Ok(pid) = text.parse::<u32>() {
                break pid;
            }
            assert!(!verifying.is_finished(), "{:?}", verifying.join());
            std::thread::sleep(Duration::from_millis(20));
        };
        stop.store(true, Relaxed);
        let seen = verifying.join().unwrap();
        assert_eq!((seen.of, seen.why.is_some()), (0, true), "{seen:?}");
        pid
    });
    let begun = Instant::now();
    let status = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/status")).ok();
    // Whoever adopts it may take a moment to reap it.
    while status(pid).is_some_and(|status| !status.contains("State:\tZ")) {
        assert!(begun.elapsed() < Duration::from_secs(30), "process {pid} is left");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// `standstill reproducer ARGS` in a directory.
fn reproducer(dir: &Path, args: &[&str]) -> Ran {
    let mut command = standstill(&[&["reproducer"], args].concat());
    command.current_dir(dir).env_remove("CARGO_TARGET_DIR");
    command.output().expect("start standstill").into()
}

fn source(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("it.c"), text).unwrap();
    dir
}

#[test]
#[ntest::timeout(120_000)]
fn one_file_in_c_is_built_by_its_own_line() {
    let crashes =
        source("// build: cc -O1 -o it it.c\n#include <stdlib.h>\nint main(void) { abort(); }\n");
    let ran = reproducer(crashes.path(), &["--source", "it.c", "-n", "5"]).exits(0);
    assert!(ran.stdout.contains("failed natively in 5 of 5 runs (5 crash)"), "{}", ran.stdout);
    reproducer(crashes.path(), &["--source", "it.c"]).exits(2).complains_of(&["it is not empty"]);

    let is_well = source("int main(void) { return 0; }\n");
    reproducer(is_well.path(), &["--source", "it.c"]).exits(2).complains_of(&["--build"]);
    let args = ["--source", "it.c", "--build", "cc it.c", "-n", "5"];
    let ran = reproducer(is_well.path(), &args).exits(3);
    assert!(ran.stdout.contains("did not fail natively in 5 runs"), "{}", ran.stdout);

    let is_wrong = source("// build: cc it.c\nint main(void) { return nonsense; }\n");
    let ran = reproducer(is_wrong.path(), &["--source", "it.c"]).exits(4);
    assert!(ran.stdout.contains("nonsense"), "{}", ran.stdout);
}

/// A package of a library and a program, built.
fn program() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("src")).unwrap();
    for (name, text) in [
        (
            "Cargo.toml",
            "[package]\nname = \"twice\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n\
                        [lib]\nname = \"case\"\n[profile.release]\nopt-level = 1\n",
        ),
        (
            "src/lib.rs",
            "//! A library.\n\n/// Panics.\npub fn run(n: usize) {\n    assert!(n < 3, \"many\");\n}\n",
        ),
        ("src/main.rs", "fn main() {\n    case::run(std::env::args().count());\n}\n"),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--offline", "--quiet"]).current_dir(dir.path());
    for name in ["CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        build.env_remove(name);
    }
    assert!(build.status().unwrap().success());
    let exe = dir.path().join("target/release/twice");
    (dir, exe)
}

#[test]
#[ntest::timeout(120_000)]
fn a_program_comes_with_its_package_as_one_file() {
    let (dir, exe) = program();
    let exe = exe.to_str().unwrap();
    let ran = reproducer(dir.path(), &["-n", "5", "-o", "bad", "--", exe, "a", "b"]).exits(0);
    assert!(ran.stdout.contains("failed natively in 5 of 5 runs (5 panic)"), "{}", ran.stdout);
    let written = dir.path().join("bad");
    let text = std::fs::read_to_string(written.join("src/main.rs")).unwrap();
    assert!(text.contains("mod case {\n    //! A library.\n"), "{text}");
    assert!(!written.join("src/lib.rs").exists());
    let manifest = std::fs::read_to_string(written.join("Cargo.toml")).unwrap();
    assert!(manifest.starts_with("[package]") && manifest.contains("opt-level = 1"), "{manifest}");
    let ran = reproducer(dir.path(), &["-n", "5", "-o", "good", "--", exe]).exits(3);
    assert!(ran.stdout.contains("did not fail natively in 5 runs"), "{}", ran.stdout);
}

#[test]
fn what_is_asked_for_must_be_there() {
    let dir = tempfile::tempdir().unwrap();
    reproducer(dir.path(), &["--", "/nowhere/x"]).exits(2).complains_of(&["no such file"]);
    reproducer(dir.path(), &["--", "true"]).exits(2).complains_of(&["--manifest-path"]);
    reproducer(dir.path(), &["--source", "nowhere.c"]).exits(2).complains_of(&["nowhere.c"]);
    reproducer(dir.path(), &["--source", "it.c", "--verify", "soon"])
        .exits(2)
        .complains_of(&["500ms"]);
    reproducer(dir.path(), &["controls/abba"]).exits(2).complains_of(&["with cargo"]);
}
