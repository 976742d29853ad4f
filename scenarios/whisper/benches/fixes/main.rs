//! What each candidate fix costs: create and drop a state, create one and transcribe, transcribe.
//!
//! ```text
//! cargo bench -p standstill-whisper --bench fixes -- --rounds 31
//! cargo bench --manifest-path scenarios/whisper/v0.15/Cargo.toml --bench fixes -- --json 0.15.json
//! ```
//!
//! `--n-threads N` is ggml's number of threads in each `full` (1), `--json FILE` writes all rounds,
//! `--threads 1,2` takes fewer numbers of callers than 1, 2, 4, 8.
//!
//! All ways take turns within each round, in an order that moves on by one every round, so that what
//! slows the machine down slows all of them. A round's ratio is against the plain way in that very
//! round; told are medians over the rounds, with distribution-free 95 % intervals from order statistics,
//! which exist from six rounds on. Benchmark frameworks measure one function after the other, and then a
//! neighbour on the machine makes a difference of some percent where there is none.
//!
//! The same from trials in processes of their own:
//!
//! ```text
//! standstill stress 'whisper-fixes/create_state_then_full*' --threads 1,2,4,8 --trials 200
//! standstill compare RUN \
//!     --pair '*/create_state_then_full=*/create_state_then_full_with_internal_mutex'
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the numbers are what a bench is for"
)]

mod measure;
mod median;
mod table;

use std::fs::File;
use std::io::Write;
use std::process::ExitCode;

use measure::{Act, Measured, Way};
use standstill_whisper::guard::{
    CreateMutex, FullSemaphore, InternalMutex, OnceCellMutex, Plain, StatePool,
};
use standstill_whisper::load;
use standstill_whisper::model::{Shape, cached};

/// The plain way first: all others are told against it.
const WAYS: [Way; 6] = [
    Way::over::<Plain>("plain"),
    Way::over::<InternalMutex>("internal mutex"),
    Way::over::<CreateMutex>("create mutex"),
    Way::over::<OnceCellMutex>("once-cell mutex"),
    Way::over::<StatePool>("state pool"),
    Way::over::<FullSemaphore>("full semaphore"),
];

/// Rounds, callers and ggml's threads: more is a mistake.
const MOST: u16 = 1_000;

const FLAGS: [&str; 4] = ["--rounds", "--threads", "--n-threads", "--json"];

/// What was asked for.
struct Wanted {
    rounds: usize,
    callers: Vec<usize>,
    n_threads: u16,
    json: Option<String>,
}

fn main() -> ExitCode {
    // `cargo test --all-targets` and the like run benches, too, but without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let (why, code) = match wanted().map(|wanted| run(&wanted)) {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(why)) => (why, ExitCode::FAILURE),
        Err(why) => (why, ExitCode::from(2)),
    };
    eprintln!("failed to {why}");
    code
}

fn wanted() -> Result<Wanted, String> {
    let mut wanted = Wanted { rounds: 21, callers: vec![1, 2, 4, 8], n_threads: 1, json: None };
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(flag) = arguments.next() {
        if !FLAGS.contains(&flag.as_str()) {
            return Err(format!(
                "read {flag}: there are --rounds, --threads, --n-threads and --json"
            ));
        }
        let value = arguments.next().ok_or(format!("read {flag}: a value is to follow"))?;
        let bad = || format!("read {flag} {value}: it takes a number from 1 to {MOST}");
        let at_least_1 = |text: &str| match text.parse::<u16>() {
            Ok(number @ 1..=MOST) => Ok(number),
            _ => Err(bad()),
        };
        match flag.as_str() {
            "--rounds" => wanted.rounds = at_least_1(&value)?.into(),
            "--n-threads" => wanted.n_threads = at_least_1(&value)?,
            "--threads" => {
                let counts = value.split(',').map(|count| at_least_1(count).map(usize::from));
                wanted.callers = counts.collect::<Result<_, _>>()?;
            }
            "--json" => wanted.json = Some(value),
            _ => unreachable!("all flags are above"),
        }
    }
    Ok(wanted)
}

fn run(wanted: &Wanted) -> Result<(), String> {
    // Minutes of measuring are not to end at a directory that is not there.
    let mut json = match &wanted.json {
        Some(path) => Some(File::create(path).map_err(|error| format!("write {path}: {error}"))?),
        None => None,
    };
    let model = cached(&Shape::default())?;
    let context = Box::leak(Box::new(load(&model)?));
    let mut all = vec![];
    for callers in &wanted.callers {
        for act in [Act::CreateDrop, Act::CreateFull, Act::Full] {
            all.extend(WAYS.iter().map(|way| Measured::new(way.name, act, *callers)));
        }
    }
    for round in 0..wanted.rounds {
        for turns in all.chunks_mut(WAYS.len()) {
            for turn in 0..WAYS.len() {
                let at = (round + turn) % WAYS.len();
                turns[at].add(&WAYS[at], context, wanted.n_threads)?;
            }
        }
    }
    table::print(&all, WAYS.len(), wanted.rounds, wanted.n_threads);
    match &wanted.json {
        None => Ok(()),
        Some(path) => {
            let text = table::json(&all, WAYS.len(), wanted.n_threads);
            let written = json.as_mut().map_or(Ok(()), |file| file.write_all(text.as_bytes()));
            written.map_err(|error| format!("write {path}: {error}"))
        }
    }
}
