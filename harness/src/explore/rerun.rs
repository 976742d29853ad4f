//! A server for what comes after a search: schedules run one by one, judged as the search does.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use standstill_scheduler::abi::{Decision, Event, FLAG_RECORD, Op, Order};

use super::ended::{Ended, How};
use super::judge::{Baseline, Judgement, judge};
use super::places::{Namer, Place};
use super::server::{Limits, Server, ServerError};
use super::target::Target;
use crate::capture::Frame;
use crate::inspect::{Inspector, Sampling};
use crate::scene::Scene;
use crate::verdict::Finding;

/// How a trial that stands still is looked at: nobody moves, so two looks are the same.
const STILL: Sampling = Sampling { samples: 2, every: Duration::from_millis(20) };

/// Runs schedules of one target.
pub struct Rerun<'a> {
    /// What is usual.
    pub baseline: &'a Baseline,
    server: Server,
    inspector: Inspector,
    namer: Namer,
    stop: &'a AtomicBool,
}

/// How closely a trial that stands still is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The places at which its threads wait are named.
    Places,
    /// Also their stacks are read.
    Stacks,
}

/// A run, and what it shows.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub ended: Ended,
    /// What was found, if anything was; less than a search demands, which has found it already.
    pub finding: Option<Finding>,
}

impl<'a> Rerun<'a> {
    /// Starts the server on `cpu`; it must be ready at `until`.
    pub fn start(
        target: &Target,
        baseline: &'a Baseline,
        cpu: usize,
        until: Instant,
        stop: &'a AtomicBool,
    ) -> Result<Rerun<'a>, ServerError> {
        let server = Server::start(target, cpu, until)?;
        let (inspector, namer) = (Inspector::new(), Namer::default());
        Ok(Rerun { baseline, server, inspector, namer, stop })
    }

    /// Runs one trial, recorded, which is cut short at `until`.
    pub fn record(
        &mut self,
        order: &Order,
        script: &[Decision],
        look: Look,
        until: Instant,
    ) -> Result<Ran, ServerError> {
        let order = Order { flags: order.flags | FLAG_RECORD, ..*order };
        self.run(&order, script, look, until)
    }

    /// Runs one trial, which is cut short at `until`.
    pub fn run(
        &mut self,
        order: &Order,
        script: &[Decision],
        look: Look,
        until: Instant,
    ) -> Result<Ran, ServerError> {
        let Rerun { baseline, server, inspector, namer, stop } = self;
        let mut see = |ended: &mut Ended| {
            ended.name(namer.name(ended.pid, ended.addresses()));
            if look == Look::Stacks || ended.how == How::Silent {
                ended.scene = Some(scene(inspector, ended.pid));
            }
        };
        let ended = server.trial(order, script, Limits { until, stop }, &mut see)?;
        let finding = match judge(&ended, baseline) {
            Judgement::Found(finding) | Judgement::Held(finding) => Some(finding),
            _ => None,
        };
        Ok(Ran { ended, finding })
    }

    /// What the places of events are. The process that trials are forked from has their libraries.
    pub fn name(&mut self, events: &[Event]) -> BTreeMap<u64, Place> {
        let Some(pid) = self.server.pid() else { return BTreeMap::new() };
        let mut addresses: Vec<u64> = events.iter().map(address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        self.namer.name(pid, addresses)
    }
}

/// Under which address an event's place is named: calls give where they return to, instructions
/// where they are.
pub fn address(event: &Event) -> u64 {
    match Op::of(event.op) {
        Op::Rmw | Op::Load | Op::Store | Op::Pause if event.pc != 0 => event.pc + 1,
        _ => event.pc,
    }
}

/// Looks at a process without the frames of the runtime, which are ours.
pub(super) fn scene(inspector: &mut Inspector, pid: i32) -> Scene {
    let mut scene = Inspector::introduce(pid);
    if let Err(error) = inspector.look(&mut scene, STILL) {
        scene.notes.push(format!("There are no stacks: failed to {error}."));
    }
    let of_program =
        |frame: &Frame| frame.module.as_deref().is_none_or(|m| !m.contains("standstill_scheduler"));
    let stacks = scene.looks.iter_mut().flat_map(|look| &mut look.stacks.threads);
    stacks.for_each(|stack| stack.frames.retain(of_program));
    scene
}
