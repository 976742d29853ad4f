//! The same bugs by `standstill explore`, written with std's types and built as ever.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::{DEPTH, Search};

pub(crate) struct Native {
    pub(crate) standstill: PathBuf,
    pub(crate) classics: PathBuf,
    pub(crate) cap: u64,
}

impl Native {
    /// One search, start-up and the repetition of what was found included.
    pub(crate) fn search(&self, strategy: &str, name: &str, seed: u64) -> Result<Search, String> {
        let begun = Instant::now();
        let answer = self.explore(strategy, &[name], seed, self.cap)?;
        Ok((answer["first_failure_trial"].as_u64(), begun.elapsed().as_secs_f64()))
    }

    /// Schedules per second, without what it takes to start.
    pub(crate) fn rate(&self, strategy: &str, name: &str) -> Result<f64, String> {
        let seconds = |trials| {
            let begun = Instant::now();
            let answer = self.explore(strategy, &[name, "fixed"], 1, trials)?;
            match answer["verdict"].as_str() {
                Some("clean") => Ok(begun.elapsed().as_secs_f64()),
                _ => Err(format!("explore the correct {name}: {answer}")),
            }
        };
        // The first two trials start a server each, for levels 1 and 1+.
        Ok((self.cap - 2) as f64 / (seconds(self.cap)? - seconds(2)?))
    }

    fn explore(
        &self,
        strategy: &str,
        words: &[&str],
        seed: u64,
        trials: u64,
    ) -> Result<Value, String> {
        let mut command = Command::new(&self.standstill);
        command.args(["explore", "--until-first", "--message-format", "json", "--budget", "10m"]);
        command.args(["--strategy", strategy, "--depth", &DEPTH.to_string()]);
        command.args(["--seed", &seed.to_string(), "--trials", &trials.to_string(), "--"]);
        command.arg(&self.classics).args(words).stdin(Stdio::null()).stderr(Stdio::null());
        let output = command.output().map_err(|error| format!("run standstill: {error}"))?;
        let last = output.stdout.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
        let answer = last.and_then(|line| serde_json::from_slice(line).ok());
        answer.ok_or_else(|| format!("read what standstill said: it ended with {}", output.status))
    }
}
