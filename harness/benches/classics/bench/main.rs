//! How many executions it takes to find the classics: each strategy at each level, beside plain
//! stress and random noise.
//!
//! `cargo bench -p standstill --bench classics [-- --seeds 5 --cap 1000 --only abba,dining
//! --levels 1,2,3 --strategies random,pct,pos,portfolio,noise,stress --jobs 2 --markdown]`. The whole
//! table takes some minutes. Level 1 is what `explore` does with a program as it is: 1 and 1+ in turns.
//! What is counted under control does not depend on the machine or its load, so as many run at once as
//! there are CPUs; plain stress and noise do, and run alone. `--programs DIR` searches the programs of a
//! directory instead, each of which makes one trial when its argument is 1, at level 1 only.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the numbers are what a bench is for"
)]

mod noise;
mod programs;
mod runs;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use programs::{Builds, Level};
use runs::{Finder, Run};
use table::Table;

/// What `--seeds`, `--cap` and the others say.
struct Options {
    seeds: u64,
    cap: u64,
    jobs: usize,
    only: Vec<String>,
    finders: Vec<(Finder, Level)>,
    markdown: bool,
    programs: Option<PathBuf>,
}

/// Bugs that the portfolio is to find within so many executions, by the median.
const TARGETS: [&str; 3] = ["abba-far", "dining", "plain-race"];
const WITHIN: u64 = 200;

fn main() -> ExitCode {
    // `cargo test --all-targets` and the like run benches, too, but without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    match options().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("failed to {why}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options, String> {
    let value = |flag: &str| {
        let mut arguments = std::env::args().skip_while(|argument| argument != flag).skip(1);
        arguments.next()
    };
    let number = |flag: &str, otherwise: u64| match value(flag) {
        None => Ok(otherwise),
        Some(text) => text.parse().map_err(|_| format!("read the number behind {flag}")),
    };
    let list = |flag: &str, otherwise: &str| -> Vec<String> {
        let text = value(flag).unwrap_or_else(|| otherwise.to_owned());
        text.split(',').map(str::to_owned).collect()
    };
    let strategies = list("--strategies", "stress,noise,random,pct,pos,portfolio");
    let programs = value("--programs").map(PathBuf::from);
    let levels = list("--levels", if programs.is_some() { "1" } else { "1,2,3" });
    let mut finders = vec![];
    for strategy in &strategies {
        let finder = Finder::of(strategy).ok_or_else(|| format!("find strategy {strategy}"))?;
        for level in &levels {
            let level = Level::of(level).ok_or_else(|| format!("find level {level}"))?;
            // Nobody has points in a program that is run as it is.
            if finder != Finder::Stress || level == Level::Plain {
                finders.push((finder, level));
            }
        }
    }
    let cpus = standstill::os::control::cpus().len() as u64;
    Ok(Options {
        seeds: number("--seeds", 5)?.max(1),
        cap: number("--cap", 1000)?.max(1),
        jobs: number("--jobs", cpus)?.max(1) as usize,
        only: value("--only").map(|_| list("--only", "")).unwrap_or_default(),
        finders,
        programs,
        markdown: std::env::args().any(|argument| argument == "--markdown"),
    })
}

fn run(options: &Options) -> Result<(), String> {
    let levels = options.finders.iter().map(|(_, level)| *level);
    let builds = match &options.programs {
        Some(dir) => Builds::Programs(dir.clone()),
        None => Builds::classics(levels.collect())?,
    };
    let mut names = builds.names()?;
    if !options.only.is_empty() {
        names.retain(|name| options.only.contains(name));
    }
    let mut runs = vec![];
    for name in &names {
        for (finder, level) in &options.finders {
            for seed in 1..=options.seeds {
                runs.push(Run { name: name.clone(), finder: *finder, level: *level, seed });
            }
        }
    }
    let (together, alone): (Vec<Run>, Vec<Run>) =
        runs.into_iter().partition(|run| run.finder.is_controlled());
    println!("{} seeds, at most {} executions each", options.seeds, options.cap);
    let mut table = Table::new(names, options.finders.clone(), options.cap);
    for (runs, jobs) in [(together, options.jobs), (alone, 1)] {
        for (run, found) in all(&runs, jobs, &builds, options.cap)? {
            table.enter(&run, found);
        }
    }
    print!("{}", if options.markdown { table.markdown() } else { table.aligned() });
    for name in TARGETS.iter().filter(|_| options.programs.is_none()) {
        for (level, median) in table.medians(name, Finder::Portfolio) {
            // Nothing but plain accesses is wrong in it, and level 2 has no points there.
            if (*name, level) == ("plain-race", Level::Atomics) {
                continue;
            }
            let held = median.is_some_and(|median| median < WITHIN);
            let median = median.map_or("not found".to_owned(), |median| median.to_string());
            let verdict = if held { "holds" } else { "does not hold" };
            println!(
                "{name} by the portfolio under {WITHIN} at level {level}: {verdict} ({median})"
            );
        }
    }
    Ok(())
}

/// Does all runs, so many at a time, and says how far it is.
fn all(
    runs: &[Run],
    jobs: usize,
    builds: &Builds,
    cap: u64,
) -> Result<Vec<(Run, Option<u64>)>, String> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(vec![]));
    let cpus = standstill::os::control::cpus();
    let work = |cpu: usize| {
        let cpu = Some(cpus[cpu % cpus.len()]).filter(|_| jobs > 1);
        while let Some(run) = runs.get(next.fetch_add(1, Relaxed)) {
            let found = runs::executions(run, builds, cap, cpu);
            let mut done = done.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            done.push(found.map(|found| (run.clone(), found)));
            if done.len().is_multiple_of(50) {
                eprintln!("{} of {} runs", done.len(), runs.len());
            }
        }
    };
    std::thread::scope(|scope| {
        for job in 0..jobs {
            let work = &work;
            scope.spawn(move || work(job));
        }
    });
    done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()).into_iter().collect()
}
