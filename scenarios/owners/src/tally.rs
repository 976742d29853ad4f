//! Counts, and the table of them.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::compare::{ANSWERS, Answer};

/// What is counted of one kind of hang, or one build.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Hangs that were looked at.
    pub hangs: u32,
    /// Hangs that could not be, or that stood otherwise than they were to.
    pub failed: u32,
    /// Answers, by their worth.
    pub answers: BTreeMap<Answer, u32>,
    /// Edges of which the lock is said to lie elsewhere.
    pub misplaced: u32,
    /// Hangs with a closed chain, and those of them where one is claimed with more than suspicion.
    pub closed: u32,
    /// See `closed`.
    pub convicted: u32,
    /// Cycles claimed to be proven or inferred that are not there.
    pub false_cycles: u32,
    /// Suspected cycles that are not there.
    pub false_suspicions: u32,
    /// What was found in all, by kind and confidence.
    pub findings: BTreeMap<String, u32>,
}

impl Counts {
    /// How many answers are worth this.
    pub fn of(&self, answer: Answer) -> u32 {
        self.answers.get(&answer).copied().unwrap_or(0)
    }

    /// Adds others.
    pub fn add(&mut self, other: &Counts) {
        self.hangs += other.hangs;
        self.failed += other.failed;
        self.misplaced += other.misplaced;
        self.closed += other.closed;
        self.convicted += other.convicted;
        self.false_cycles += other.false_cycles;
        self.false_suspicions += other.false_suspicions;
        for (answer, n) in &other.answers {
            *self.answers.entry(*answer).or_default() += n;
        }
        for (finding, n) in &other.findings {
            *self.findings.entry(finding.clone()).or_default() += n;
        }
    }
}

/// A table with one row for each name and a last one for all.
pub fn table(title: &str, rows: &BTreeMap<String, Counts>) -> String {
    let mut text = format!(
        "{title:<28}{:>6}{:>5} | proven right WRONG | inferred right wrong | suspects with \
         without | nobody unknown unseen | misplaced | cycles found of there FALSE (suspected)\n",
        "hangs", "fail"
    );
    let mut all = Counts::default();
    for counts in rows.values() {
        all.add(counts);
    }
    for (name, counts) in rows.iter().map(|(n, c)| (n.as_str(), c)).chain([("all", &all)]) {
        let [right, wrong, i_right, i_wrong, with, without, nobody, unknown, unseen] =
            ANSWERS.map(|answer| counts.of(answer));
        let Counts { hangs, failed, misplaced, closed, convicted, .. } = counts;
        let (cycles, suspicions) = (counts.false_cycles, counts.false_suspicions);
        let _ = writeln!(
            text,
            "{name:<28}{hangs:>6}{failed:>5} | {right:>12} {wrong:>5} | {i_right:>14} {i_wrong:>5} \
             | {with:>13} {without:>7} | {nobody:>6} {unknown:>7} {unseen:>6} | {misplaced:>9} | \
             {convicted:>12} {closed:>8} {cycles:>5} {suspicions:>11}"
        );
    }
    text
}

/// What was found, one line for each row.
pub fn findings(rows: &BTreeMap<String, Counts>) -> String {
    let mut text = String::new();
    for (name, counts) in rows {
        let found: Vec<_> = counts.findings.iter().map(|(what, n)| format!("{what} {n}")).collect();
        let _ = writeln!(text, "{name:<28}{}", found.join(", "));
    }
    text
}
