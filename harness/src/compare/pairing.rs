//! Which units are put side by side. None is dropped without a word.

use std::str::FromStr;

use serde::Serialize;

use super::side::Units;
use crate::store::Run;

/// `X=Y`: scenario X of A against scenario Y of B. A `*` in X stands for any text, and the one in Y
/// for the same text: `whisper-0.15/*=whisper/*`, `*_without_mutex=*_with_mutex`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    left: String,
    right: String,
}

/// A unit that has no partner on the other side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alone {
    /// The side that it is on.
    pub only_in: Which,
    /// `crate/scenario`.
    pub scenario: String,
    /// Actors.
    pub threads: u32,
    /// Trials that it has.
    pub trials: u64,
}

/// A side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Which {
    /// The one that is judged against.
    A,
    /// The one that is judged.
    B,
}

/// How all units came out.
#[derive(Clone, Debug)]
pub struct Matched<'r> {
    /// Two units of equal thread count, in the order of A's plan.
    pub pairs: Vec<(Units<'r>, Units<'r>)>,
    /// Units that a rule speaks of, or all without rules, that found no partner.
    pub alone: Vec<Alone>,
    /// Units that no rule speaks of.
    pub unasked: usize,
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Rule, String> {
        let written = "pairs are written X=Y, such as bank/plain=bank/locked or 'old/*=new/*'";
        let (left, right) = text.split_once('=').ok_or(written)?;
        let stars = |side: &str| side.matches('*').count();
        match (stars(left), stars(right)) {
            _ if left.is_empty() || right.is_empty() || right.contains('=') => {
                Err(written.to_owned())
            }
            (0, 0) | (1, 1) => Ok(Rule { left: left.to_owned(), right: right.to_owned() }),
            _ => Err("a pair has one * on either side, or none: 'old/*=new/*'".to_owned()),
        }
    }
}

impl Rule {
    /// The scenario that it puts beside this one of A.
    fn partner(&self, scenario: &str) -> Option<String> {
        Some(self.right.replacen('*', fitting(&self.left, scenario)?, 1))
    }

    fn side(&self, which: Which) -> &str {
        match which {
            Which::A => &self.left,
            Which::B => &self.right,
        }
    }

    /// Whether its side speaks of this scenario.
    fn speaks_of(&self, which: Which, scenario: &str) -> bool {
        fitting(self.side(which), scenario).is_some()
    }
}

/// The text that a pattern's star stands for in `name`, if it fits; empty without a star.
fn fitting<'n>(pattern: &str, name: &'n str) -> Option<&'n str> {
    match pattern.split_once('*') {
        None => (pattern == name).then_some(""),
        Some((before, after)) => name.strip_prefix(before)?.strip_suffix(after),
    }
}

/// Puts the units of two runs side by side, which may be one run.
pub fn pairs<'r>(a: &'r Run, b: &'r Run, rules: &[Rule]) -> Matched<'r> {
    let (left, right) = (units(a), units(b));
    let (mut used_left, mut used_right) = (vec![false; left.len()], vec![false; right.len()]);
    let mut pairs = Vec::new();
    for (i, of_a) in left.iter().enumerate() {
        for partner in partners(rules, of_a.scenario) {
            let fits = |u: &Units<'_>| u.scenario == partner && u.threads == of_a.threads;
            if let Some(j) = right.iter().position(fits) {
                (used_left[i], used_right[j]) = (true, true);
                pairs.push((of_a.clone(), right[j].clone()));
            }
        }
    }
    let asked_left = |u: &Units<'_>| !partners(rules, u.scenario).is_empty();
    let asked_right =
        |u: &Units<'_>| rules.is_empty() || rules.iter().any(|r| r.speaks_of(Which::B, u.scenario));
    let left_alone = left.iter().zip(&used_left).filter(|(u, used)| !**used && asked_left(u));
    let right_alone = right.iter().zip(&used_right).filter(|(u, used)| !**used && asked_right(u));
    let alone = left_alone
        .map(|(u, _)| Alone::of(Which::A, u))
        .chain(right_alone.map(|(u, _)| Alone::of(Which::B, u)))
        .collect();
    // A unit of a single run is passed over only if neither side of a rule speaks of it.
    let unasked = match std::ptr::eq(a, b) {
        true => left.iter().filter(|u| !asked_left(u) && !asked_right(u)).count(),
        false => {
            left.iter().filter(|u| !asked_left(u)).count()
                + right.iter().filter(|u| !asked_right(u)).count()
        }
    };
    Matched { pairs, alone, unasked }
}

/// The scenarios of B that one of A is put beside, each once: itself where there are no rules.
fn partners(rules: &[Rule], scenario: &str) -> Vec<String> {
    if rules.is_empty() {
        return vec![scenario.to_owned()];
    }
    let mut partners: Vec<String> = Vec::new();
    for partner in rules.iter().filter_map(|rule| rule.partner(scenario)) {
        if !partners.contains(&partner) {
            partners.push(partner);
        }
    }
    partners
}

/// The first rule that speaks of nothing in one of the runs: its text on that side, the side, and
/// the scenarios that are there.
pub fn idle_rule<'r>(
    a: &'r Run,
    b: &'r Run,
    rules: &'r [Rule],
) -> Option<(&'r str, Which, Vec<&'r str>)> {
    for (which, run) in [(Which::A, a), (Which::B, b)] {
        let mut names: Vec<&str> = units(run).iter().map(|u| u.scenario).collect();
        names.dedup();
        let idle = |r: &&Rule| !names.iter().any(|name| r.speaks_of(which, name));
        if let Some(rule) = rules.iter().find(idle) {
            return Some((rule.side(which), which, names));
        }
    }
    None
}

/// The units of a run, those of equal scenario and thread count as one.
fn units(run: &Run) -> Vec<Units<'_>> {
    let mut units: Vec<Units<'_>> = Vec::new();
    for (at, unit) in run.header.plan.units.iter().enumerate() {
        let (scenario, threads) = (unit.scenario.as_str(), unit.threads);
        match units.iter_mut().find(|u| (u.scenario, u.threads) == (scenario, threads)) {
            Some(known) => known.at.push(at),
            None => units.push(Units { run, scenario, threads, at: vec![at] }),
        }
    }
    units
}

impl Alone {
    fn of(only_in: Which, units: &Units<'_>) -> Alone {
        let trials = units.trials().count() as u64;
        Alone { only_in, scenario: units.scenario.to_owned(), threads: units.threads, trials }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_the_same_text_on_both_sides() {
        for (rule, scenario, partner) in [
            ("bank/plain=bank/locked", "bank/plain", Some("bank/locked")),
            ("bank/plain=bank/locked", "bank/plainer", None),
            ("old/*=new/*", "old/transfer", Some("new/transfer")),
            ("*_without_mutex=*_with_mutex", "w/full_without_mutex", Some("w/full_with_mutex")),
            ("ab*ba=*", "aba", None),
        ] {
            let rule: Rule = rule.parse().unwrap();
            assert_eq!(rule.partner(scenario).as_deref(), partner, "{rule:?} {scenario}");
        }
    }

    #[test]
    fn what_is_no_rule_is_told_how_to_write_one() {
        for (text, words) in [
            ("bank", "X=Y"),
            ("=b", "X=Y"),
            ("a=", "X=Y"),
            ("a=b=c", "X=Y"),
            ("a*=b", "one *"),
            ("a=b*", "one *"),
            ("*a*=*b*", "one *"),
        ] {
            let error = text.parse::<Rule>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
