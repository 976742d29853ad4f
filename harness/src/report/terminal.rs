//! A campaign on a terminal: a live table while it runs, plain lines where nobody watches.

mod table;

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::table::Row;
use super::page::words::counted;
use super::style::Paint;
use crate::event::{Event, Reporter, Summary, What};
use crate::observation::Isolation;
use crate::plan::Plan;
use crate::text::{printable, story};
use crate::verdict::Grade;

/// How often a plain log says that it is still alive.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How often the table is worked out anew.
const REFRESH: Duration = Duration::from_millis(100);
/// How often the clock below it moves: a trial that hangs must not look like a harness that does.
const TICK: Duration = Duration::from_millis(250);

/// Follows a campaign on standard error.
#[derive(Debug)]
pub struct Terminal {
    bar: ProgressBar,
    live: bool,
    paint: Paint,
    /// Whether it is not known beforehand how many trials there will be.
    open_ended: bool,
    rows: Vec<Row>,
    told: Vec<(usize, String)>,
    found: u64,
    seen: u64,
    total: u64,
    last_sign: Instant,
    /// When the last trial ended, from where the next unit's time counts.
    last_trial: Instant,
    last_drawn: Option<Instant>,
}

impl Terminal {
    /// Live on a terminal, plain elsewhere.
    pub fn new() -> Terminal {
        Terminal::with(false)
    }

    /// Of a campaign that ends when it has learnt enough.
    pub fn open_ended() -> Terminal {
        Terminal::with(true)
    }

    fn with(open_ended: bool) -> Terminal {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let live = io::stderr().is_terminal() && std::env::var_os("CI").is_none() && !is_dumb;
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let now = Instant::now();
        Terminal {
            bar,
            live,
            paint: Paint::stderr(),
            open_ended,
            rows: vec![],
            told: vec![],
            found: 0,
            seen: 0,
            total: 0,
            last_sign: now,
            last_trial: now,
            last_drawn: None,
        }
    }

    fn line(&self, text: &str) {
        self.painted(&printable(text));
    }

    /// A line of which every part that is not ours is printable already.
    fn painted(&self, text: &str) {
        self.bar.suspend(|| {
            let _ = writeln!(io::stderr().lock(), "{text}");
        });
    }

    fn begin(&mut self, plan: &Plan, done: u64) {
        let planned = plan.units.iter().fold(0_u64, |sum, unit| sum.saturating_add(unit.trials));
        self.total = planned.saturating_sub(done);
        let row = |(i, unit): (usize, &crate::plan::Unit)| Row {
            summary: Summary::new(i, &unit.scenario, unit.threads),
            // How many of the earlier trials were this unit's is not told.
            total: (done == 0).then_some(unit.trials),
            ended: false,
            took: Duration::ZERO,
        };
        self.rows = plan.units.iter().enumerate().map(row).collect();
        let units = plan.units.len();
        let behind = if done == 0 { String::new() } else { format!(", {done} done before") };
        let template = if self.open_ended {
            let most = plan.units.first().map_or(0, |unit| unit.trials);
            self.line(&format!(
                "looks of up to {most} trials, at as many of {units} thread counts as it takes{behind}"
            ));
            "{msg}{spinner} [{elapsed_precise}] {pos} trials"
        } else {
            self.bar.set_length(self.total);
            self.line(&format!(
                "{}: {} of scenario and thread count{behind}",
                counted(self.total, "trial"),
                counted(units as u64, "pair"),
            ));
            "{msg}{spinner} [{elapsed_precise}] {pos}/{len} trials ({eta} left)"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        if self.live {
            self.bar.enable_steady_tick(TICK);
        }
        self.last_trial = Instant::now();
    }

    /// Works the table out, unless that was done just now.
    fn draw(&mut self) {
        if !self.live || self.last_drawn.is_some_and(|last| last.elapsed() < REFRESH) {
            return;
        }
        self.last_drawn = Some(Instant::now());
        let (height, width) = Term::stderr().size_checked().unwrap_or((24, 80));
        let (height, width) = (usize::from(height).saturating_sub(4), usize::from(width));
        // Of counts that may never be tried there is nothing to tell.
        let begun = |row: &&Row| !self.open_ended || row.summary.trials() > 0;
        let rows: Vec<Row> = self.rows.iter().filter(begun).cloned().collect();
        let mut text = String::new();
        for line in table::lines(&rows, width.saturating_sub(1), height, self.paint) {
            text += &line;
            text.push('\n');
        }
        self.bar.set_message(text);
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
            What::Began { plan, done } => self.begin(plan, *done),
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
                self.last_trial = Instant::now();
            }
            What::Noted { scenario, note } => self.line(&format!("{scenario}: {note}")),
            What::Trial(done) => {
                self.seen += 1;
                self.found += u64::from(!done.verdict.findings().is_empty());
                if let Some(row) = self.rows.get_mut(done.unit) {
                    row.summary.add(done.observation, done.verdict, done.grade);
                    row.took += self.last_trial.elapsed();
                }
                self.last_trial = Instant::now();
                self.bar.inc(1);
                self.draw();
                // Each unlike finding of a unit is told once; the rest is counted.
                let kind = done.verdict.first().map_or("inconclusive", |f| f.kind.name());
                let key = (done.unit, kind.to_owned());
                if done.grade != Grade::AsExpected && !self.told.contains(&key) {
                    self.told.push(key);
                    self.line(&story(done.observation, done.verdict, done.grade));
                }
                if !self.live && self.last_sign.elapsed() > HEARTBEAT {
                    self.last_sign = Instant::now();
                    let trials = match self.open_ended {
                        true => counted(self.seen, "trial"),
                        false => format!("{} of {}", self.seen, counted(self.total, "trial")),
                    };
                    self.line(&format!("{trials}, {} found", self.found));
                }
            }
            What::Unit { summary } => {
                if let Some(row) = self.rows.get_mut(summary.unit) {
                    row.ended = true;
                }
                self.last_drawn = None;
                self.draw();
                let Summary { scenario, threads, .. } = summary;
                let sentence = summary.short();
                let threads = counted(*threads, "thread");
                let told = printable(&format!("{scenario} with {threads}: {sentence}: "));
                let grade = summary.grade();
                self.painted(&format!("{told}{}", self.paint.grade(grade, grade)));
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
