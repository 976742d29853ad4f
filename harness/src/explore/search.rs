//! Many trials on some workers, until something is found or the time is up.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::ledger::Ledger;
use super::native;
use super::output;
use super::portfolio::Portfolio;
use super::profile::Chosen;
use super::server::ServerError;
use super::target::Target;
use super::worker::{Shop, Worker, lock};
use crate::os::control::cpus;
use crate::supervise::keeper::sweep;

/// How often somebody who watches is told.
const PERIOD: Duration = Duration::from_millis(100);
/// The run without control gets at most this part of the time.
const NATIVE_PART: u32 = 6;

/// What is to be searched, and for how long.
#[derive(Debug, Clone)]
pub struct Search<'a> {
    /// The command.
    pub target: &'a Target,
    /// Workers, each on a CPU of its own as long as there are enough.
    pub jobs: usize,
    /// When it began, start-up included.
    pub begun: Instant,
    /// When no other trial is begun, and running ones are cut short.
    pub until: Instant,
    /// End with the first finding.
    pub until_first: bool,
}

/// How far a search is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Trials that ended.
    pub trials: u64,
    /// Unlike findings.
    pub found: usize,
    /// Since the search began.
    pub elapsed: Duration,
}

/// What came of it.
#[derive(Debug)]
pub struct Summary {
    /// All that was seen.
    pub ledger: Ledger,
    /// What a systematic search proves, if it was one and is through.
    pub proof: Option<String>,
    /// The accesses that were scheduling points at level 1+, if they were chosen.
    pub chosen: Option<Arc<Chosen>>,
    /// Since the search began.
    pub elapsed: Duration,
    /// Whether somebody asked for the end.
    pub interrupted: bool,
}

impl Search<'_> {
    /// Runs it, telling `watch` every 100 ms. `interrupt` ends it early.
    pub fn run(
        &self,
        plan: Portfolio,
        interrupt: &AtomicBool,
        watch: &mut dyn FnMut(Progress),
    ) -> Result<Summary, ServerError> {
        let system = |what| move |error| ServerError::System(what, error);
        let strangers = crate::supervise::tree::children(std::process::id() as i32);
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        let cpus = cpus();
        let cpu = |worker: usize| cpus.get(worker % cpus.len().max(1)).copied().unwrap_or(0);
        let (stop, chosen) = (AtomicBool::new(false), OnceLock::new());
        let shop = Shop {
            target: self.target,
            chosen: &chosen,
            plan: Mutex::new(plan),
            ledger: Mutex::new(Ledger::default()),
            begun: self.begun,
            until: self.until,
            stop: &stop,
            until_first: self.until_first,
        };
        let left = self.until.saturating_duration_since(Instant::now());
        let patience = (left / NATIVE_PART).min(self.target.timeout);
        let interrupted = || interrupt.load(Relaxed);
        let native = native::run(self.target, cpu(0), patience, &interrupted);
        let native = native.map_err(system("run the program without control"))?;
        if self.target.same_output && !interrupted() {
            let others = || native::run_at_large(self.target, patience, &interrupted);
            let compared = output::reference(native.as_ref(), &mut output::repeated(others));
            let compared = compared.map_err(system("run the program without control"))?;
            // A run that was cut short for the user is no reason to blame the program.
            compared
                .or_else(|why| if interrupted() { Ok(()) } else { Err(why) })
                .map_err(ServerError::NoReference)?;
        }
        lock(&shop.ledger).native(native);
        let errors = self.employ(&shop, &cpu, interrupt, watch);
        sweep(&strangers);
        let ledger = shop.ledger.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        if ledger.trials == 0
            && let Some(error) = errors
        {
            return Err(error);
        }
        let plan = shop.plan.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        Ok(Summary {
            ledger,
            proof: plan.proof(),
            chosen: chosen.into_inner().and_then(Result::ok),
            elapsed: self.begun.elapsed(),
            interrupted: interrupt.load(Relaxed),
        })
    }

    /// Lets all workers work to the end; the first error of one.
    fn employ(
        &self,
        shop: &Shop<'_>,
        cpu: &(dyn Fn(usize) -> usize + Sync),
        interrupt: &AtomicBool,
        watch: &mut dyn FnMut(Progress),
    ) -> Option<ServerError> {
        let mut first = None;
        std::thread::scope(|scope| {
            let (done, ends) = channel();
            for worker in 0..self.jobs.max(1) {
                let done = done.clone();
                scope.spawn(move || {
                    let _ = done.send(Worker::work(shop, cpu(worker)));
                });
            }
            drop(done);
            loop {
                match ends.recv_timeout(PERIOD) {
                    Ok(Ok(())) => continue,
                    Ok(Err(error)) => {
                        // What one cannot do the others cannot either.
                        shop.stop.store(true, Relaxed);
                        first.get_or_insert(error);
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) => {}
                }
                if interrupt.load(Relaxed) {
                    shop.stop.store(true, Relaxed);
                }
                let (trials, found) = {
                    let ledger = lock(&shop.ledger);
                    (ledger.trials, ledger.cases.len())
                };
                watch(Progress { trials, found, elapsed: self.begun.elapsed() });
            }
        });
        first
    }
}
