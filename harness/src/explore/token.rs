//! The repro token of a controlled trial.
//!
//! `k01@1f3a9c02:b9d3e01aa:l1:pct3:s1f:n120:k200000.100000:t100:controlled` is the trial of a command named
//! k01 whose words hash to 1f3a9c02 and whose binary's SHA-256 begins with 9d3e01aa: level 1, PCT of
//! depth 3, seed 0x1f, an expected length of 120 steps, at most 200,000 steps, fair after 100,000, each
//! of 100 virtual nanoseconds.
//! Delays are written with their steps: `delays-3-17`. At level 1+ the hash of the chosen accesses
//! follows: `l1+.3f09aa12`. Where what was found is its output, `:output` stands before `:controlled`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use standstill_scheduler::abi::{Decision, Order};
use standstill_scheduler::strategy::{DELAYS, PCT};

use super::level::Level;
use super::portfolio::{self, Assignment};
use super::target::Target;
use crate::protocol::Digest;

/// Names a trial: with the same command, binary and inputs it is the same schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The executable's file name, for the reader.
    pub name: String,
    /// Hash of the command's words.
    pub command: u32,
    /// First bytes of the executable's SHA-256.
    pub binary: u32,
    /// Where its scheduling points are.
    pub level: Level,
    /// Hash of the accesses that were chosen for it; 0 where none were.
    pub chosen: u32,
    /// Number of the strategy.
    pub strategy: u32,
    /// See [`Order::depth`].
    pub depth: u32,
    /// See [`Order::seed`].
    pub seed: u64,
    /// See [`Order::length`].
    pub length: u64,
    /// See [`Order::max_steps`].
    pub max_steps: u64,
    /// See [`Order::fair_after`].
    pub fair_after: u64,
    /// See [`Order::step_ns`].
    pub step_ns: u64,
    /// Steps of the script's delays.
    pub delays: Vec<u32>,
    /// Whether its output was found to differ from that of the run without control.
    pub same_output: bool,
}

impl Token {
    /// The token of a trial; `sha256` is the executable's, in hexadecimal.
    pub fn new(target: &Target, sha256: &str, assignment: &Assignment) -> Token {
        let Assignment { order, script, .. } = assignment;
        let file = target.exe.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = target.name.clone().unwrap_or(file);
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        Token {
            name: name.chars().filter(|c| plain(*c)).take(40).collect(),
            command: command_hash(target),
            binary: prefix(sha256),
            level: assignment.level,
            chosen: assignment.chosen,
            strategy: order.strategy,
            depth: order.depth,
            seed: order.seed,
            length: order.length,
            max_steps: order.max_steps,
            fair_after: order.fair_after,
            step_ns: order.step_ns,
            delays: script.iter().map(|delay| delay.step).collect(),
            same_output: false,
        }
    }

    /// The trial that it names.
    pub fn assignment(&self) -> Assignment {
        let script: Vec<Decision> =
            self.delays.iter().map(|step| Decision { step: *step, thread: 0 }).collect();
        let order = Order {
            seed: self.seed,
            length: self.length,
            fair_after: self.fair_after,
            max_steps: self.max_steps,
            step_ns: self.step_ns,
            strategy: self.strategy,
            depth: self.depth,
            flags: 0,
            script: script.len() as u32,
            memory_every: self.level.memory_every(self.seed),
            pad: 0,
        };
        Assignment { index: 1, level: self.level, chosen: self.chosen, order, script }
    }

    /// In what a target differs from the one that it was made for, each a clause.
    pub fn differences(&self, target: &Target, sha256: &str) -> Vec<String> {
        let mut differences = vec![];
        if command_hash(target) != self.command {
            differences.push("the command's words are others".to_owned());
        }
        let now = prefix(sha256);
        if now != self.binary {
            differences
                .push(format!("the binary differs (sha256 {now:08x}, was {:08x})", self.binary));
        }
        differences
    }
}

/// Hash of a command's words but for the directory of its first.
fn command_hash(target: &Target) -> u32 {
    let words = target.words.iter().skip(1).map(|word| word.to_string_lossy());
    let name = target.exe.file_name().unwrap_or_default().to_string_lossy();
    let env = target.env.iter().map(|(_, value)| value.into());
    let text: Vec<_> = std::iter::once(name).chain(words).chain(env).collect();
    let hash = Digest::of(&text.join("\0")).hash;
    (hash ^ hash >> 32) as u32
}

fn prefix(sha256: &str) -> u32 {
    u32::from_str_radix(sha256.get(..8).unwrap_or_default(), 16).unwrap_or(0)
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Token { name, command, binary, level, seed, length, max_steps, fair_after, .. } = self;
        let step_ns = self.step_ns;
        write!(f, "{name}@{command:08x}:b{binary:08x}:l{level}")?;
        if *level == Level::Accesses {
            write!(f, ".{:x}", self.chosen)?;
        }
        write!(f, ":{}", portfolio::name(self.strategy))?;
        if self.strategy == PCT {
            write!(f, "{}", self.depth)?;
        }
        self.delays.iter().try_for_each(|step| write!(f, "-{step}"))?;
        let output = if self.same_output { ":output" } else { "" };
        write!(f, ":s{seed:x}:n{length}:k{max_steps}.{fair_after}:t{step_ns}{output}:controlled")
    }
}

/// Why a text is not a token of a controlled trial.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the repro token of a controlled trial ({why}); one looks like {EXAMPLE}")]
pub struct TokenError {
    text: String,
    why: &'static str,
}

const EXAMPLE: &str = "app@1f3a9c02:b9d3e01aa:l1:pos:s1f:n120:k200000.100000:t100:controlled";

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Token, TokenError> {
        let fault = |why| TokenError { text: text.to_owned(), why };
        let mut parts: Vec<&str> = text.split(':').collect();
        let same_output = parts.len() == 10 && parts[8] == "output";
        if same_output {
            parts.remove(8);
        }
        let [head, binary, level, strategy, seed, length, steps, pace, "controlled"] = parts[..]
        else {
            return Err(fault("it has not nine parts of which the last is `controlled`"));
        };
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let (name, command) = head.rsplit_once('@').ok_or_else(|| fault("no @ in its name"))?;
        let command = hex(command).and_then(|n| u32::try_from(n).ok());
        let binary = binary.strip_prefix('b').and_then(hex).and_then(|n| u32::try_from(n).ok());
        let level = level.strip_prefix('l').ok_or_else(|| fault("no level such as l1"))?;
        let (level, chosen) = level.split_once('.').unwrap_or((level, "0"));
        let chosen = hex(chosen).and_then(|n| u32::try_from(n).ok());
        let (strategy, delays) = strategy.split_once('-').unwrap_or((strategy, ""));
        let digits = strategy.trim_start_matches(|c: char| !c.is_ascii_digit());
        let word = &strategy[..strategy.len() - digits.len()];
        let delays: Option<Vec<u32>> =
            delays.split('-').filter(|d| !d.is_empty()).map(|d| d.parse().ok()).collect();
        let number = portfolio::number(word).ok_or_else(|| fault("the strategy is unknown"))?;
        let delays = delays.ok_or_else(|| fault("the delays are no numbers"))?;
        let depth = match number {
            PCT => digits.parse().map_err(|_| fault("PCT without a depth"))?,
            DELAYS => delays.len() as u32,
            _ => 0,
        };
        let (most, fair) = steps
            .strip_prefix('k')
            .and_then(|steps| steps.split_once('.'))
            .ok_or_else(|| fault("no steps such as k200000.100000"))?;
        Ok(Token {
            name: name.to_owned(),
            command: command.ok_or_else(|| fault("no hash of the command"))?,
            binary: binary.ok_or_else(|| fault("no binary such as b9d3e01aa"))?,
            level: level.parse().map_err(|_| fault("no level such as l1"))?,
            chosen: chosen.ok_or_else(|| fault("no level such as l1+.3f09aa12"))?,
            strategy: number,
            depth,
            seed: seed
                .strip_prefix('s')
                .and_then(hex)
                .ok_or_else(|| fault("no seed such as s1f"))?,
            length: length
                .strip_prefix('n')
                .and_then(|n| n.parse().ok())
                .ok_or_else(|| fault("no length such as n120"))?,
            max_steps: most.parse().map_err(|_| fault("its steps are no numbers"))?,
            fair_after: fair.parse().map_err(|_| fault("its steps are no numbers"))?,
            step_ns: pace
                .strip_prefix('t')
                .and_then(|n| n.parse().ok())
                .ok_or_else(|| fault("no pace such as t100"))?,
            delays,
            same_output,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_as_the_trial_it_names() {
        for text in [
            EXAMPLE,
            "a-b.c@00000001:b00000002:l0:pct4:sffffffffffffffff:n1:k5.3:t100:controlled",
            "a@00000001:b00000002:l0:delays-3-17:s0:n1:k5.3:t100:controlled",
            "a@00000001:b00000002:l0:given:s0:n1:k5.3:t100:controlled",
            "a@00000001:b00000002:l1:pos:s0:n1:k5.3:t100:output:controlled",
        ] {
            let token: Token = text.parse().unwrap();
            assert_eq!(token.to_string(), text);
        }
        let token: Token = "a@1:b2:l0:delays-3-17:s0:n1:k5.3:t100:controlled".parse().unwrap();
        let assignment = token.assignment();
        assert_eq!((assignment.order.script, assignment.script[1].step), (2, 17));
    }

    #[test]
    fn a_bad_token_is_refused_with_the_part_that_is_wrong() {
        for (text, part) in [
            ("", "nine parts"),
            ("a@1:b2:l0:warp:s0:n1:k5.3:t100:controlled", "strategy"),
            ("a@1:b2:l9:pos:s0:n1:k5.3:t100:controlled", "level"),
            ("a@1:b2:l0:pct:s0:n1:k5.3:t100:controlled", "depth"),
            ("a@1:b2:l0:pos:sx:n1:k5.3:t100:controlled", "seed"),
            ("a:b2:l0:pos:s0:n1:k5.3:t100:controlled", "@"),
        ] {
            let error = text.parse::<Token>().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
