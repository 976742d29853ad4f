//! What a hang is made of: who takes what and then waits for what, all from the seed.

use crate::locks::{Keep, Mode};
use crate::pthread::Flavour;
use crate::rng::Rng;
use crate::store::{Family, MOST, Place};

/// What a thread does that is not stuck.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Live {
    Naps,
    SleepsLong,
    Reads,
    WaitsTimed,
    Works,
    /// Stuck, but for nobody's lock.
    Parks,
}

/// What a thread does in the end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    Want(usize, Mode),
    /// Tries for ever, a little while each time.
    Attempt(usize),
    Join(usize),
    Live(Live),
    End,
}

/// One thread.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) holds: Vec<(usize, Mode)>,
    pub(crate) then: Then,
    /// Waits only once the others do.
    pub(crate) late: bool,
    pub(crate) keep: Keep,
    /// Locks that it takes and lets go first.
    pub(crate) before: Vec<usize>,
    /// Locks whose addresses it has in a local variable.
    pub(crate) knows: Vec<usize>,
    /// Whether a call that has returned left the addresses of all locks on its stack.
    pub(crate) litter: bool,
    pub(crate) depth: usize,
}

pub(crate) struct Plan {
    pub(crate) families: Vec<Family>,
    pub(crate) place: Place,
    pub(crate) parts: Vec<Part>,
    /// What the main thread does.
    pub(crate) main: Then,
}

const LIVELY: &[Live] = &[Live::Naps, Live::SleepsLong, Live::Reads, Live::WaitsTimed, Live::Works];

/// Which family a kind is of; none of its own for the mixed ones.
fn family(name: &str) -> Option<Family> {
    Some(match name {
        "std-mutex" => Family::StdMutex,
        "std-rwlock" => Family::StdRwLock,
        "std-once" => Family::StdOnce,
        "std-stream" => Family::StdStream,
        "pl-mutex" => Family::PlMutex,
        "pl-tiny" => Family::PlTiny,
        "pl-rwlock" => Family::PlRwLock,
        "pthread-normal" => Family::Pthread(Flavour::Normal),
        "pthread-recursive" => Family::Pthread(Flavour::Recursive),
        "pthread-errorcheck" => Family::Pthread(Flavour::ErrorCheck),
        "pthread-adaptive" => Family::Pthread(Flavour::Adaptive),
        "pthread-robust" => Family::Pthread(Flavour::Robust),
        "pthread-pi" => Family::Pthread(Flavour::PriorityInheritance),
        "pthread-rwlock" => Family::PthreadRwLock,
        _ => return None,
    })
}

impl Plan {
    pub(crate) fn new(kind: &str, rng: &mut Rng) -> Plan {
        let (live, rest) = match kind.strip_prefix("live-") {
            Some(rest) => (true, rest),
            None => (false, kind),
        };
        let shapes = ["self", "ended", "reread", "timed"];
        let shape = shapes.into_iter().find(|shape| rest.ends_with(&format!("-{shape}")));
        let shape = shape.unwrap_or(if live { "live" } else { "ring" });
        let name = rest.strip_suffix(&format!("-{shape}")).unwrap_or(rest);
        let own = family(name);
        let plain = [Family::StdMutex, Family::PlMutex, Family::Pthread(Flavour::Normal)];
        let families = (0..own.map_or(MOST, Family::most))
            .map(|_| {
                own.unwrap_or_else(|| rng.pick(if name == "join" { &plain } else { Family::ALL }))
            })
            .collect();
        let place = rng.pick(&[Place::Static, Place::Stack, Place::Heap, Place::Apart]);
        let mut plan = Plan { families, place, parts: vec![], main: Then::End };
        match shape {
            "self" => plan.stuck_alone(rng, false),
            "reread" => plan.stuck_alone(rng, true),
            "live" => {
                let live = rng_live(rng);
                plan.chain(rng, Then::Live(live));
            }
            "ended" => plan.chain(rng, Then::End),
            _ => plan.ring(rng, shape == "timed", name == "join"),
        }
        plan.add_waiters(rng, shape == "ring" || shape == "live");
        plan.add_noise(rng, name == "partial");
        let never_joined = |nth: &usize| {
            let joins = |p: &Part| matches!(p.then, Then::Join(target) if target == *nth);
            !matches!(plan.parts[*nth].then, Then::End) && !plan.parts.iter().any(joins)
        };
        let targets: Vec<usize> = (0..plan.parts.len()).filter(never_joined).collect();
        plan.main = match rng.percent(60) && !targets.is_empty() {
            true => Then::Join(rng.pick(&targets)),
            false => Then::Live(rng_live(rng)),
        };
        plan
    }

    /// A way to take a lock that nobody has.
    fn any_mode(&self, rng: &mut Rng, lock: usize) -> Mode {
        match self.families[lock] {
            Family::PlRwLock => rng.pick(&[Mode::Write, Mode::Read, Mode::Upgradable]),
            family if family.has_readers() => rng.pick(&[Mode::Write, Mode::Read]),
            _ => Mode::Write,
        }
    }

    /// A way to want a lock that cannot be had.
    fn blocked_mode(&self, rng: &mut Rng, lock: usize) -> Mode {
        let mut holds = self.parts.iter().flat_map(|part| &part.holds);
        match holds.find(|(held, _)| *held == lock) {
            Some((_, Mode::Write)) => self.any_mode(rng, lock),
            _ => Mode::Write,
        }
    }

    fn push(&mut self, rng: &mut Rng, holds: Vec<(usize, Mode)>, then: Then) {
        let keep = match then {
            // Its guards are not to be dropped.
            Then::End => rng.pick(&[Keep::Forgotten, Keep::Away]),
            // A live thread that forgets a guard never lets go: who waits for it is stuck indeed.
            Then::Live(_) => rng.pick(&[Keep::Local, Keep::Local, Keep::Boxed, Keep::Away]),
            _ => rng.pick(&[Keep::Local, Keep::Local, Keep::Boxed, Keep::Forgotten, Keep::Away]),
        };
        let depth = if rng.percent(30) { rng.range(1, 150) } else { 0 };
        let (before, knows) = (vec![], vec![]);
        let part = Part { holds, then, late: false, keep, before, knows, litter: false, depth };
        self.parts.push(part);
    }

    /// Each has one lock and wants the next one's.
    fn ring(&mut self, rng: &mut Rng, timed: bool, joins: bool) {
        let k = rng.range(2, self.families.len().min(5));
        for lock in 0..k {
            let mode = self.any_mode(rng, lock);
            self.push(rng, vec![(lock, mode)], Then::End);
        }
        let mut joined = 0;
        for nth in 0..k {
            let next = (nth + 1) % k;
            // Two that join each other are told so by glibc.
            let join = joins && rng.percent(60) && (k > 2 || joined == 0);
            joined += usize::from(join);
            let mode = self.blocked_mode(rng, next);
            self.parts[nth].then = match join {
                true => Then::Join(next),
                false if timed && nth == 0 => Then::Attempt(next),
                false => Then::Want(next, mode),
            };
            self.parts[nth].keep =
                rng.pick(&[Keep::Local, Keep::Local, Keep::Boxed, Keep::Forgotten, Keep::Away]);
        }
    }

    /// One has a lock and wants it again; to read it again, behind a writer that waits.
    fn stuck_alone(&mut self, rng: &mut Rng, reread: bool) {
        let mode = if reread { Mode::Read } else { self.any_mode(rng, 0) };
        self.push(rng, vec![(0, mode)], Then::Want(0, if reread { mode } else { Mode::Write }));
        if reread {
            self.parts[0].late = true;
            self.push(rng, vec![], Then::Want(0, Mode::Write));
        }
    }

    /// The first has a lock and does something else; the others wait for one another and for it.
    fn chain(&mut self, rng: &mut Rng, first: Then) {
        let k = rng.range(1, self.families.len().min(5));
        for lock in 0..k {
            let mode = self.any_mode(rng, lock);
            let then = match lock {
                0 => first,
                _ => {
                    let wanted = rng.range(0, lock - 1);
                    Then::Want(wanted, self.blocked_mode(rng, wanted))
                }
            };
            self.push(rng, vec![(lock, mode)], then);
        }
        if k == 1 {
            let mode = self.blocked_mode(rng, 0);
            self.push(rng, vec![], Then::Want(0, mode));
        }
    }

    fn held(&self) -> Vec<(usize, Mode)> {
        self.parts.iter().flat_map(|part| part.holds.iter().copied()).collect()
    }

    /// More that wait for what others have; and readers beside those that have a read lock.
    fn add_waiters(&mut self, rng: &mut Rng, readers: bool) {
        let held = self.held();
        for _ in 0..rng.range(0, 2) {
            let (lock, _) = rng.pick(&held);
            let mode = self.blocked_mode(rng, lock);
            self.push(rng, vec![], Then::Want(lock, mode));
        }
        let shared: Vec<_> = held.into_iter().filter(|(_, mode)| *mode == Mode::Read).collect();
        if readers && !shared.is_empty() && rng.percent(50) {
            let then = Then::Live(rng_live(rng));
            let lock = rng.pick(&shared);
            self.push(rng, vec![lock], then);
        }
    }

    /// Bystanders, and traces of locks on the stacks of threads that do not have them.
    fn add_noise(&mut self, rng: &mut Rng, partial: bool) {
        let noise = rng.range(0, 2) as u64;
        let bystanders = if partial { rng.range(2, 3) } else { rng.range(0, noise as usize) };
        for _ in 0..bystanders {
            let live = if partial || rng.percent(60) { rng_live(rng) } else { Live::Parks };
            self.push(rng, vec![], Then::Live(live));
        }
        let mut locks: Vec<usize> = self.held().into_iter().map(|(lock, _)| lock).collect();
        locks.sort_unstable();
        locks.dedup();
        for part in &mut self.parts {
            let some = |rng: &mut Rng| -> Vec<usize> {
                locks.iter().copied().filter(|_| rng.percent(15 * noise)).collect()
            };
            part.knows = some(rng);
            part.before = some(rng);
            part.before.retain(|lock| self.families[*lock].is_reusable());
            part.litter = rng.percent(25 * noise);
        }
    }
}

fn rng_live(rng: &mut Rng) -> Live {
    rng.pick(LIVELY)
}
