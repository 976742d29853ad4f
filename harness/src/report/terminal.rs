//! A campaign on a terminal: a live line while it runs, plain lines where nobody watches.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::event::{Event, Reporter, What};
use crate::observation::Isolation;
use crate::text::{printable, story};
use crate::verdict::Grade;

/// How often a plain log says that it is still alive.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Follows a campaign on standard error.
#[derive(Debug)]
pub struct Terminal {
    bar: ProgressBar,
    live: bool,
    told: Vec<(usize, String)>,
    found: u64,
    seen: u64,
    total: u64,
    last_sign: Instant,
}

impl Terminal {
    /// Live on a terminal, plain elsewhere.
    pub fn new() -> Terminal {
        let live = io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style =
            "{spinner} [{elapsed_precise}] {bar:30} {pos}/{len} {msg} ({per_sec}, {eta} left)";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        let last_sign = Instant::now();
        Terminal { bar, live, told: vec![], found: 0, seen: 0, total: 0, last_sign }
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| {
            let _ = writeln!(io::stderr().lock(), "{}", printable(text));
        });
    }
}

impl Default for Terminal {
    fn default() -> Terminal {
        Terminal::new()
    }
}

impl Reporter for Terminal {
    fn report(&mut self, event: &Event<'_>) -> io::Result<()> {
        match &event.what {
            What::Began { plan, done } => {
                self.total = plan.units.iter().map(|u| u.trials).sum::<u64>() - done;
                self.bar.set_length(self.total);
                let units = plan.units.len();
                let behind =
                    if *done == 0 { String::new() } else { format!(", {done} done before") };
                self.line(&format!(
                    "{} trials of {units} scenario and thread counts{behind}",
                    self.total
                ));
            }
            What::Probed { scenario, probe, isolation, oracle_fault } => {
                let how = match isolation {
                    Isolation::Zygote => "forked from a prepared process",
                    Isolation::Fresh => "in fresh processes",
                };
                let took = Duration::from_micros(probe.prepare_us);
                let prepared = match took.as_millis() {
                    0 => String::new(),
                    _ => format!("prepared in {took:.1?}; "),
                };
                self.line(&format!("{scenario}: {prepared}trials {how}"));
                if let Some(why) = oracle_fault {
                    self.line(&format!("{scenario}: the oracle cannot be used: {why}"));
                }
            }
            What::Noted { scenario, note } => self.line(&format!("{scenario}: {note}")),
            What::Trial(done) => {
                self.seen += 1;
                self.found += u64::from(!done.verdict.findings().is_empty());
                let scenario = &done.observation.trial.scenario;
                self.bar.set_message(format!("{scenario}, {} found", self.found));
                self.bar.inc(1);
                // Each unlike finding of a unit is told once; the rest is counted.
                let kind = done.verdict.first().map_or("inconclusive", |f| f.kind.name());
                let key = (done.unit, kind.to_owned());
                if done.grade != Grade::AsExpected && !self.told.contains(&key) {
                    self.told.push(key);
                    self.line(&story(done.observation, done.verdict, done.grade));
                }
                if !self.live && self.last_sign.elapsed() > HEARTBEAT {
                    self.last_sign = Instant::now();
                    self.line(&format!(
                        "{} of {} trials, {} found",
                        self.seen, self.total, self.found
                    ));
                }
            }
            What::Unit { summary } => {
                let threads = summary.threads;
                let sentence = summary.short();
                let grade = summary.grade();
                self.line(&format!(
                    "{} with {threads} threads: {sentence}: {grade}",
                    summary.scenario
                ));
            }
            What::Ended { interrupted, .. } => {
                self.bar.finish_and_clear();
                if *interrupted {
                    self.line("interrupted; what was seen is kept");
                }
            }
        }
        Ok(())
    }
}
