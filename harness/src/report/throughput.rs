//! A search of schedules on a terminal: how many, how fast, how long it may still take.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::explore::search::Progress;

/// A live line on standard error; nothing where nobody watches.
#[derive(Debug)]
pub struct Throughput {
    bar: ProgressBar,
    budget: Duration,
}

impl Throughput {
    /// For a search of at most `budget`.
    pub fn new(budget: Duration) -> Throughput {
        let live = io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(budget.as_millis() as u64), target);
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} [{elapsed_precise}] {bar:30} {msg}")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        Throughput { bar, budget }
    }

    /// Draws how far it is.
    pub fn show(&mut self, progress: Progress) {
        let seconds = progress.elapsed.as_secs_f64().max(0.001);
        self.bar.set_position(progress.elapsed.min(self.budget).as_millis() as u64);
        self.bar.set_message(format!(
            "{} schedules, {:.0} a second, {} found",
            progress.trials,
            progress.trials as f64 / seconds,
            progress.found
        ));
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
