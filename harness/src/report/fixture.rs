//! Small stored runs, the same for every format and for the store. Verdicts are written by hand, so
//! that no snapshot follows the wording of a detector.

pub(crate) mod hostile;
pub(crate) mod runs;

use std::collections::BTreeMap;

use crate::board::{Outcome, Phase};
use crate::capture::{Frame, Snapshot, ThreadStack, Trust};
use crate::environment::Environment;
use crate::observation::{Isolation, Observation, Output};
use crate::plan::{Plan, Unit};
use crate::protocol::{Card, Contract, Ending, Probe};
use crate::store::{
    BookRecord, CrateRecord, Header, ProbeRecord, Record, Run, SCHEMA, TrialRecord, Whence, Writer,
};
use crate::trial::{Lane, Trial, trial_seed};
use crate::verdict::{Confidence, Expectation, Finding, Grade, Kind, Verdict};

/// A unit of `bank/NAME` that is expected to be clean.
pub(crate) fn unit(name: &str, threads: u32, trials: u64) -> Unit {
    let card = Card {
        name: name.to_owned(),
        about: "Actors transfer money between two accounts in both directions.".to_owned(),
        contract: Contract {
            claim: "`transfer` may be called from several threads.\nAccounts are never mixed up."
                .to_owned(),
            source: "bank 1.2.0, src/lib.rs:12".to_owned(),
        },
        expectation: Expectation::Clean,
        control_of: None,
        threads: vec![threads],
        iterations: None,
        trials: 100,
        timeout_ms: 4000,
        counts_steps: false,
        has_oracle: true,
        keeps_threads: false,
        zygote: true,
        generates: false,
        places: vec![],
        reproducer: None,
    };
    Unit { scenario: format!("bank/{name}"), threads, trials, timeout_ms: 4000, card }
}

/// The header of a run of these units.
pub(crate) fn header(units: Vec<Unit>) -> Header {
    let plan = Plan { units, seed: 7, jobs: 1, settings: BTreeMap::new(), isolation: None };
    let crates =
        [("bank-scenarios", "0.1.0", None, false), ("bank", "1.2.0", Some("5f3a9c"), true)].map(
            |(name, version, checksum, direct)| CrateRecord {
                name: name.to_owned(),
                version: version.to_owned(),
                checksum: checksum.map(str::to_owned),
                direct,
            },
        );
    let book = BookRecord {
        exe: "bank-scenarios".into(),
        sha256: "9b1c".to_owned(),
        crates: crates.into(),
        subject: None,
    };
    Header {
        schema: SCHEMA,
        standstill: "0.1.0".to_owned(),
        began: "2026-01-02T03:04:05Z".to_owned(),
        command: "standstill stress bank/transfer --trials 4 --seed 7".to_owned(),
        plan,
        books: BTreeMap::from([("bank".to_owned(), book)]),
        environment: Environment {
            cpu: "Some CPU | 3 GHz".to_owned(),
            cores: 2,
            virtualized: true,
            memory_mib: 4096,
            kernel: "6.1.0".to_owned(),
            system: "Some Linux".to_owned(),
            libc: "glibc 2.36".to_owned(),
            rustc: "rustc 1.95.0".to_owned(),
            cc: "cc 12".to_owned(),
            cxx: "c++ 12".to_owned(),
            load: "0.10".to_owned(),
        },
        whence: Whence::default(),
    }
}

/// What `bank/NAME` says when it is prepared.
pub(crate) fn probe(name: &str) -> Record {
    let probe = Probe {
        prepare_us: 12_000,
        threads: 1,
        inputs: BTreeMap::from([("ledger".to_owned(), "data/ledger.bin".into())]),
        notes: BTreeMap::from([("bank".to_owned(), "1.2.0".to_owned())]),
        digests: vec![],
    };
    Record::Probe(ProbeRecord {
        scenario: format!("bank/{name}"),
        probe,
        isolation: Isolation::Zygote,
        oracle_fault: None,
        hashes: BTreeMap::from([("ledger".to_owned(), "77aa".to_owned())]),
    })
}

/// A trial of one of the units, by default a clean one.
pub(crate) fn clean(header: &Header, unit: usize, index: u64) -> TrialRecord {
    let at = &header.plan.units[unit];
    let observation = Observation {
        trial: Trial {
            scenario: at.scenario.clone(),
            threads: at.threads,
            seed: trial_seed(header.plan.seed, index),
            lane: Lane::Native,
        },
        isolation: Isolation::Zygote,
        counts_steps: false,
        timeout_ms: at.timeout_ms,
        phase: Phase::Done,
        outcome: Outcome::Passed,
        message: String::new(),
        ending: Some(Ending { status: 0, user_us: 900, system_us: 100, max_rss_kib: 2048 }),
        killed: false,
        wall_us: 3000 + index,
        acted_us: 1500 + 100 * index,
        actors: vec![],
        panics: 0,
        standstill: None,
        crash: None,
        leaked_threads: 0,
        stacks: None,
        left_behind: 0,
        program: None,
        stdout: Output::default(),
        stderr: Output::default(),
        notes: vec![],
    };
    let grade = Grade::of(&at.card.expectation, &Verdict::Clean);
    TrialRecord { unit, index, grade, verdict: Verdict::Clean, observation }
}

impl TrialRecord {
    /// The same trial with this finding, graded as its scenario expects.
    pub(crate) fn with(self, header: &Header, finding: Finding) -> TrialRecord {
        let verdict = Verdict::Found { findings: vec![finding] };
        let grade = Grade::of(&header.plan.units[self.unit].card.expectation, &verdict);
        let observation = Observation { acted_us: 0, ..self.observation };
        TrialRecord { grade, verdict, observation, ..self }
    }

    /// The same trial, which said nothing either way.
    pub(crate) fn inconclusive(self, why: &str) -> TrialRecord {
        let verdict = Verdict::Inconclusive { why: why.to_owned() };
        let observation = Observation { acted_us: 0, ..self.observation };
        TrialRecord { grade: Grade::Inconclusive, verdict, observation, ..self }
    }

    /// The same trial with the stacks of two threads that wait for each other, and last words.
    pub(crate) fn with_stacks(mut self) -> TrialRecord {
        let frame = |function: &str, line| Frame {
            pc: 0x1000,
            function: Some(function.to_owned()),
            file: Some("src/bank.rs".to_owned()),
            line: Some(line),
            module: None,
            module_address: None,
            inlined: false,
            trust: Trust::Unwound,
        };
        let thread = |tid, name: &str, frames| ThreadStack {
            tid,
            name: name.to_owned(),
            frames,
            ..Default::default()
        };
        let threads = vec![
            thread(10, "main", vec![]),
            thread(
                11,
                "actor-0",
                vec![frame("bank::Account<u64>::lock", 40), frame("bank::transfer", 21)],
            ),
            thread(
                12,
                "actor-1",
                vec![frame("bank::Account<u64>::lock", 40), frame("bank::audit", 31)],
            ),
        ];
        self.observation.stacks = Some(Snapshot { threads, stopped_us: 850, ..Default::default() });
        let head = "```\na line that would end a code block\n```\n".to_owned();
        self.observation.stderr = Output { bytes: head.len() as u64, tail: String::new(), head };
        self
    }
}

/// A finding in words that no detector chose.
pub(crate) fn finding(kind: Kind, confidence: Confidence, place: &str) -> Finding {
    let summary = match confidence {
        Confidence::Proven => "no thread can ever run again",
        Confidence::Inferred => "a thread waits for a lock that no other thread can release",
        Confidence::Suspected => "idle until the deadline: sleeping",
    };
    let evidence = match confidence {
        Confidence::Suspected => "the deadline of 4000 ms passed (phase: running)".to_owned(),
        _ => format!("thread '<unnamed>' waits for a mutex in {place}, futex 0xa0"),
    };
    Finding {
        kind,
        confidence,
        summary: summary.to_owned(),
        evidence: vec![evidence],
        fingerprint: format!("{kind}-{place}"),
    }
}

/// Stores these records behind the header and reads them back.
pub(crate) fn stored(header: &Header, records: Vec<Record>) -> Run {
    let dir = tempfile::tempdir().expect("no temporary directory");
    let mut writer = Writer::create(dir.path(), header).expect("no run");
    for record in &records {
        writer.write(record).expect("not written");
    }
    Run::load(dir.path()).expect("not readable")
}

/// The same with trials alone, each scenario prepared before.
pub(crate) fn run(header: &Header, trials: Vec<TrialRecord>) -> Run {
    let mut names: Vec<&str> = header.plan.units.iter().map(|u| u.card.name.as_str()).collect();
    names.dedup();
    let probes = names.into_iter().map(probe);
    stored(header, probes.chain(trials.into_iter().map(Record::Trial)).collect())
}

/// So many trials of a unit, of which the first few fail, by kind.
pub(crate) fn failing(
    header: &Header,
    unit: usize,
    n: u64,
    kinds: &[(Kind, u64)],
) -> Vec<TrialRecord> {
    let kinds = kinds.iter().flat_map(|(kind, k)| std::iter::repeat_n(*kind, *k as usize));
    let mut kinds = kinds.fuse();
    let trial = |index| match kinds.next() {
        Some(kind) => {
            let finding = finding(kind, Confidence::Proven, "bank::transfer");
            clean(header, unit, index).with(header, finding)
        }
        None => clean(header, unit, index),
    };
    (0..n).map(trial).collect()
}
