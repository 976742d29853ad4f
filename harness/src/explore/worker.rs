//! One worker: its server, its trials, its looks, and the second opinion on what it finds.

mod causes;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use standstill_scheduler::abi::Order;
use standstill_scheduler::strategy::GIVEN;

use super::ended::{Ended, How, Stand};
use super::judge::{Judgement, judge};
use super::ledger::{Case, Ledger, Repeated};
use super::level::Level;
use super::places::Namer;
use super::portfolio::{Assignment, Next, Portfolio};
use super::profile::{self, Chosen};
use super::rerun::scene;
use super::server::{Limits, Server, ServerError};
use super::target::Target;
use super::within::within;
use crate::inspect::Inspector;
use crate::verdict::{Confidence, Finding, Kind};

/// How many times the steps a trial gets that seems endless, when it is run again.
const AGAIN: u64 = 4;
/// The profile of accesses gets at most this part of the time that is left.
const PROFILE_PART: u32 = 4;
/// How long after the end of the time a look may take that was begun before.
const LATE: Duration = Duration::from_millis(500);
/// Trials that may fail in a shared process and end well alone, before none is run in one any more.
const LEAKS: u64 = 5;
/// Trials in a row that may be lost before the target is given up.
const LOST: u32 = 5;

/// What all workers of a search share.
pub(super) struct Shop<'a> {
    pub(super) target: &'a Target,
    /// The accesses that are scheduling points at that level, once somebody needed to know.
    pub(super) chosen: &'a OnceLock<Result<Arc<Chosen>, String>>,
    pub(super) plan: Mutex<Portfolio>,
    pub(super) ledger: Mutex<Ledger>,
    pub(super) begun: Instant,
    pub(super) until: Instant,
    /// Set when nobody is to begin another trial, and running ones are to be cut short.
    pub(super) stop: &'a AtomicBool,
    pub(super) until_first: bool,
}

pub(super) struct Worker<'a> {
    shop: &'a Shop<'a>,
    cpu: usize,
    /// One for each level, started when it is needed.
    servers: Vec<(Level, Server)>,
    /// What names places. Who is late keeps them locked.
    tools: Arc<Mutex<(Inspector, Namer)>>,
}

impl<'a> Worker<'a> {
    /// Runs trials on `cpu` until there is no more time or nothing to do.
    pub(super) fn work(shop: &'a Shop<'a>, cpu: usize) -> Result<(), ServerError> {
        let tools = Arc::new(Mutex::new((Inspector::new(), Namer::default())));
        let mut worker = Worker { shop, cpu, servers: vec![], tools };
        let mut lost = 0;
        while !shop.stop.load(Relaxed) && Instant::now() < shop.until {
            let next = lock(&shop.plan).assign();
            let assignment = match next {
                Next::Trial(assignment) => assignment,
                Next::Wait => {
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                }
                Next::Done => break,
            };
            let assignment = match worker.serve(assignment.level) {
                Ok((level, chosen)) => Assignment { level, chosen, ..assignment },
                Err(error) => {
                    lock(&shop.plan).lost(&assignment);
                    return Err(error);
                }
            };
            match worker.run(&assignment) {
                Ok(ended) => {
                    lost = 0;
                    worker.settle(assignment, ended);
                }
                Err(error) => {
                    lost += 1;
                    lock(&shop.plan).lost(&assignment);
                    lock(&shop.ledger).unclear(&error.to_string());
                    if lost >= LOST || !matches!(error, ServerError::Lost(_)) {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// Sees to it that there is a server for trials of this level. The level that they have, which is
    /// that of atomics where accesses cannot be chosen, and the hash of what was chosen.
    fn serve(&mut self, level: Level) -> Result<(Level, u32), ServerError> {
        let shop = self.shop;
        let chosen = if level == Level::Accesses { self.choose() } else { None };
        let level = match (level, chosen) {
            (Level::Accesses, None) => Level::Atomics,
            _ => level,
        };
        if self.servers.iter().all(|(known, _)| *known != level) {
            let target = Target { level, chosen: chosen.cloned(), ..shop.target.clone() };
            let server = Server::start(&target, self.cpu, shop.until)?;
            let mut ledger = lock(&shop.ledger);
            server.notes.iter().for_each(|note| ledger.note(note));
            drop(ledger);
            self.servers.push((level, server));
        }
        Ok((level, chosen.map_or(0, |chosen| chosen.hash())))
    }

    /// The accesses that are scheduling points; whoever comes first chooses for all.
    fn choose(&self) -> Option<&'a Arc<Chosen>> {
        let shop = self.shop;
        let chosen = shop.chosen.get_or_init(|| {
            let left = shop.until.saturating_duration_since(Instant::now());
            let until = Instant::now() + left / PROFILE_PART;
            let chosen = profile::choose(shop.target, self.cpu, until, shop.stop);
            chosen.map(Arc::new).map_err(|error| error.to_string())
        });
        let none = |why: &String| {
            let note = format!("no scheduling points at plain accesses: failed to {why}");
            lock(&shop.ledger).note(&note);
        };
        chosen.as_ref().map_err(none).ok()
    }

    fn run(&mut self, assignment: &Assignment) -> Result<Ended, ServerError> {
        // What another worker held back may be of a level that this one has not served yet.
        self.serve(assignment.level)?;
        let Worker { shop, servers, tools, .. } = self;
        let lost = || ServerError::Lost("there is no server for its level".to_owned());
        let (_, server) =
            servers.iter_mut().find(|(level, _)| *level == assignment.level).ok_or_else(lost)?;
        let limits = Limits { until: shop.until, stop: shop.stop };
        let mut look = |ended: &mut Ended| {
            // It will be repeated alone, and looked at then.
            if assignment.shares_process() {
                return;
            }
            let (addresses, pid) = (ended.addresses(), ended.pid);
            // The answer is due soon after `until`: names from a large program could come too late.
            let late = shop.until + LATE;
            let namer = Arc::clone(tools);
            let names = within(late, move || lock(&namer).1.name(pid, addresses));
            ended.name(names.unwrap_or_default());
            // Looking takes longer than a trial: once for each unlike standstill.
            let judged = judge(ended, &lock(&shop.ledger).baseline);
            let is_new = match judged {
                Judgement::Found(finding) | Judgement::Held(finding) => {
                    let ledger = lock(&shop.ledger);
                    !ledger.cases.iter().any(|c| c.finding.fingerprint == finding.fingerprint)
                }
                _ => ended.how == How::Silent,
            };
            if !is_new || Instant::now() >= shop.until {
                return;
            }
            let inspector = Arc::clone(tools);
            ended.scene = within(late, move || scene(&mut lock(&inspector).0, pid));
        };
        let ended = server.trial(&assignment.order, &assignment.script, limits, &mut look);
        if let Some(why) = server.unshared() {
            let mut ledger = lock(&shop.ledger);
            ledger.is_unshared = true;
            ledger.note(why);
        }
        ended
    }

    /// Enters a trial in the books, and what it shows after a second look.
    fn settle(&mut self, assignment: Assignment, ended: Ended) {
        let shop = self.shop;
        let shared = assignment.shares_process() && ended.how != How::Cut;
        if shared && !is_clean(&ended, &lock(&shop.ledger)) {
            return self.settle_alone(assignment.alone());
        }
        lock(&shop.plan).ended(&assignment, &ended);
        let judgement = lock(&shop.ledger).enter(&assignment, &ended);
        let output = lock(&shop.ledger).baseline.difference(&ended);
        let case = |finding: Finding, ended| Case {
            output: output.filter(|_| finding.kind == Kind::WrongResult),
            finding,
            ended,
            assignment,
            at: shop.begun.elapsed(),
            times: 1,
            repeated: None,
        };
        match judgement {
            Judgement::Found(finding) => self.verify(case(finding, ended)),
            Judgement::Held(finding) => lock(&shop.ledger).hold(case(finding, ended)),
            Judgement::Endless(finding) => self.prolong(case(finding, ended)),
            Judgement::Clean | Judgement::Inconclusive(_) => {}
        }
        let released = lock(&shop.ledger).released();
        released.into_iter().for_each(|case| self.verify(case));
    }

    /// A trial failed where others had run before, which proves nothing: it counts as it goes alone.
    fn settle_alone(&mut self, assignment: Assignment) {
        let shop = self.shop;
        match self.run(&assignment) {
            Ok(ended) => {
                let leaked = is_clean(&ended, &lock(&shop.ledger));
                self.settle(assignment, ended);
                if leaked && lock(&shop.ledger).leaked() == LEAKS {
                    lock(&shop.plan).share_processes(false);
                }
            }
            Err(error) => {
                lock(&shop.plan).lost(&assignment);
                lock(&shop.ledger).unclear(&error.to_string());
            }
        }
    }

    /// Runs an endless trial again with many more steps.
    fn prolong(&mut self, mut case: Case) {
        let mut again = case.assignment.clone();
        again.order.max_steps = again.order.max_steps.saturating_mul(AGAIN);
        let why = match self.run(&again) {
            Ok(ended) if ended.how == How::Stood(Stand::Endless) => {
                case.finding
                    .evidence
                    .push(format!("nor did it end in {} steps", ended.numbers.steps));
                case.ended.scene = ended.scene;
                self.tell(case);
                return;
            }
            Ok(ended) => format!("it needed {} steps, and then {}", ended.numbers.steps, ended.how),
            Err(error) => error.to_string(),
        };
        lock(&self.shop.ledger).unclear(&why);
    }

    /// Runs the schedule of a finding again: it must fail again. What rests on an exit code or an output
    /// may have other causes than the schedule, mostly what an earlier run left behind, so between two
    /// such repetitions a good schedule is run twice, and must end well: no pattern in the number of
    /// runs looks like that.
    fn verify(&mut self, mut case: Case) {
        if lock(&self.shop.ledger).knows(&case.finding) {
            return;
        }
        let again = repetition(&case);
        case.repeated = self.repeat(&again, &case.ended);
        let rests_on_exit =
            matches!(case.finding.kind, Kind::WrongResult | Kind::Panic | Kind::Crash);
        if rests_on_exit {
            let good = lock(&self.shop.ledger).good.clone();
            let mut seen = None;
            let mut is_good = |worker: &mut Self, good: &Assignment| match worker.run(good) {
                Ok(ended) if ended.how != How::Cut => {
                    lock(&worker.shop.ledger).baseline.is_good(seen.insert(ended))
                }
                _ => true,
            };
            let fails = |good: &Assignment| !is_good(self, good) || !is_good(self, good);
            if good.as_ref().is_some_and(fails) {
                let why = "a schedule that had ended well failed when it was run again: its runs \
                           leave something behind, or depend on more than the schedule";
                return lock(&self.shop.ledger).unclear(why);
            }
            let twice = self.repeat(&again, &case.ended);
            let fails = |repeated: Option<Repeated>| repeated.is_some_and(|r| r.same_end);
            if case.finding.kind == Kind::WrongResult && !(fails(case.repeated) && fails(twice)) {
                let why = "a wrong result did not come again when its schedule was repeated";
                return lock(&self.shop.ledger).unclear(why);
            }
            if case.output.is_some() {
                let good = good.as_ref().zip(seen.as_ref());
                if let Some(why) = self.other_cause(&case, good) {
                    return lock(&self.shop.ledger).unclear(&why);
                }
            }
        }
        if case.repeated.is_some_and(|repeated| !repeated.same_end) {
            case.finding.confidence = case.finding.confidence.min(Confidence::Inferred);
            let line = "it did not come again when its schedule was repeated";
            case.finding.evidence.push(line.to_owned());
        }
        self.tell(case);
    }

    /// Runs a schedule again and compares; none if there was no time for it.
    fn repeat(&mut self, again: &Assignment, then: &Ended) -> Option<Repeated> {
        let now = self.run(again).ok().filter(|ended| ended.how != How::Cut)?;
        let same_schedule = now.numbers.hash == then.numbers.hash;
        let same_end = now.ends_like(then);
        Some(Repeated { same_schedule, same_end })
    }

    fn tell(&self, case: Case) {
        lock(&self.shop.ledger).found(case);
        if self.shop.until_first {
            self.shop.stop.store(true, Relaxed);
        }
    }
}

/// Whether there is nothing to say about a trial.
fn is_clean(ended: &Ended, ledger: &Ledger) -> bool {
    matches!(judge(ended, &ledger.baseline), Judgement::Clean)
}

/// The trial that repeats another's schedule: by its decisions where all are known.
pub(super) fn repetition(case: &Case) -> Assignment {
    if !case.ended.has_all_decisions() {
        return case.assignment.clone();
    }
    let script = case.ended.decisions.clone();
    let order = Order { strategy: GIVEN, script: script.len() as u32, ..case.assignment.order };
    Assignment { order, script, ..case.assignment.clone() }
}

/// A lock whose holder may have panicked: what it guards is counted up only.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
