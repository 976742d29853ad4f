//! One run of one scenario in one process with one seed, and the token that names it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Names a trial completely: with the same binary, inputs and machine it is the same experiment.
///
/// Its `Display` is the repro token, for instance `controls/abba:t2:s1f:native`; `FromStr` reads it
/// back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Trial {
    /// `crate/scenario`, as the catalog lists it.
    pub scenario: String,
    /// Number of actors, at least 1.
    pub threads: u32,
    /// Seeds everything that the trial draws at random.
    pub seed: u64,
    /// How the trial is run.
    pub lane: Lane,
}

/// How a trial is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// The operating system schedules.
    Native,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lane = match self.lane {
            Lane::Native => "native",
        };
        write!(f, "{}:t{}:s{:x}:{lane}", self.scenario, self.threads, self.seed)
    }
}

/// Why a text is not a repro token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a repro token ({why}); one looks like controls/abba:t2:s1f:native")]
pub struct TokenError {
    text: String,
    why: &'static str,
}

impl FromStr for Trial {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Trial, TokenError> {
        let fault = |why| TokenError { text: text.to_owned(), why };
        let mut parts = text.rsplitn(4, ':');
        let lane = match parts.next() {
            Some("native") => Lane::Native,
            _ => return Err(fault("the lane at its end is unknown")),
        };
        let seed = parts
            .next()
            .and_then(|p| p.strip_prefix('s'))
            .and_then(|hex| u64::from_str_radix(hex, 16).ok())
            .ok_or_else(|| fault("no seed such as s1f before the lane"))?;
        let threads = parts
            .next()
            .and_then(|p| p.strip_prefix('t'))
            .and_then(|n| n.parse().ok())
            .filter(|n| *n > 0)
            .ok_or_else(|| fault("no thread count such as t2 before the seed"))?;
        let scenario =
            parts.next().filter(|s| !s.is_empty()).ok_or_else(|| fault("no scenario"))?;
        Ok(Trial { scenario: scenario.to_owned(), threads, seed, lane })
    }
}

/// The seed of trial number `index` in a campaign: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), so
/// that neighbouring indices share nothing.
pub fn trial_seed(campaign: u64, index: u64) -> u64 {
    let mut z = campaign.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_as_the_trial_it_names() {
        let trial = Trial {
            scenario: "whisper/create_state".into(),
            threads: 64,
            seed: u64::MAX,
            lane: Lane::Native,
        };
        assert_eq!(trial.to_string().parse(), Ok(trial));
    }

    #[test]
    fn a_bad_token_is_refused_with_the_part_that_is_wrong() {
        for (text, part) in [
            ("", "lane"),
            ("a/b:t2:s1:warp", "lane"),
            ("a/b:t2:xyz:native", "seed"),
            ("a/b:t0:s1:native", "thread count"),
            (":t1:s1:native", "scenario"),
        ] {
            let error = text.parse::<Trial>().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn neighbouring_trials_have_unlike_seeds() {
        let seeds: std::collections::HashSet<u64> = (0..1000).map(|i| trial_seed(7, i)).collect();
        assert_eq!(seeds.len(), 1000);
    }
}
