//! Workers: each owns a cell of processes and runs one trial after the other in it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc;

use super::work::Work;
use super::{OTHER_DEADLINE, Ready, Session};
use crate::capture::Capturer;
use crate::observation::{Isolation, Observation};
use crate::plan::Unit;
use crate::protocol::{Order, Task};
use crate::supervise::{Cell, CellError};
use crate::trial::trial_seed;

/// How often a worker gets new processes for one trial before it gives up.
const TRIES: u32 = 3;

impl Session<'_> {
    /// A worker: takes trials until there are none left.
    pub(super) fn work(
        &self,
        ready: &Ready<'_>,
        work: &Work<'_>,
        halt: &AtomicBool,
        sender: &mpsc::SyncSender<FromWorker>,
    ) {
        let mut worker = Worker {
            session: self,
            ready,
            capturer: Capturer::new(),
            cell: None,
            isolation: ready.isolation,
        };
        while !halt.load(Relaxed) && !self.stop.load(Relaxed) {
            let Some((unit, index)) = work.take() else { return };
            // A bug of ours must end the campaign with its name, not hang it.
            let done = catch_unwind(AssertUnwindSafe(|| worker.run(unit, index, sender)));
            let message = match done {
                Ok(Ok(Some(observation))) => {
                    FromWorker::Done { unit, index, observation: Box::new(observation) }
                }
                Ok(Ok(None)) => return,
                Ok(Err(error)) => FromWorker::Failed(error),
                Err(_) => FromWorker::Failed(CellError::NotStarted(
                    "a worker panicked; this is a bug of standstill".to_owned(),
                )),
            };
            if sender.send(message).is_err() {
                return;
            }
        }
    }
}

/// What a worker has to say.
pub(super) enum FromWorker {
    Note(String),
    Done { unit: usize, index: u64, observation: Box<Observation> },
    Failed(CellError),
}

/// One worker's processes.
struct Worker<'s> {
    session: &'s Session<'s>,
    ready: &'s Ready<'s>,
    capturer: Capturer,
    cell: Option<Cell>,
    isolation: Isolation,
}

impl Worker<'_> {
    fn run(
        &mut self,
        unit: usize,
        index: u64,
        sender: &mpsc::SyncSender<FromWorker>,
    ) -> Result<Option<Observation>, CellError> {
        let at = &self.session.plan.units[unit];
        let seed = trial_seed(self.session.plan.seed ^ u64::from(at.threads), index);
        let trial = self.session.trial(at, seed);
        let order = self.session.order(at, Task::Trial, seed, self.ready.expected.clone());
        let request = self.session.request(at, &trial, &order);
        let mut tries = 0;
        loop {
            let mut cell = match self.cell.take() {
                Some(cell) => cell,
                None => self.new_cell(at, &order, sender)?,
            };
            match cell.run(&request, &mut self.capturer, self.session.stop) {
                Ok(seen) => {
                    if !cell.is_spent() {
                        self.cell = Some(cell);
                    }
                    return Ok(seen);
                }
                Err(error) => {
                    tries += 1;
                    if tries == TRIES {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn new_cell(
        &mut self,
        unit: &Unit,
        order: &Order,
        sender: &mpsc::SyncSender<FromWorker>,
    ) -> Result<Cell, CellError> {
        let target = (self.session.target)(&unit.scenario);
        let mut cell = Cell::start(&target)?;
        if self.isolation == Isolation::Zygote
            && let Err(why) = cell.start_zygote(order, OTHER_DEADLINE)?
        {
            self.isolation = Isolation::Fresh;
            let _ = sender.send(FromWorker::Note(format!(
                "no zygote: {why}; every trial prepares in a fresh process"
            )));
            cell = Cell::start(&target)?;
        }
        Ok(cell)
    }
}
