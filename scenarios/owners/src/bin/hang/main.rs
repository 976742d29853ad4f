//! `hang KIND SEED`: hangs, and says before it does who has what. It is for `owners` to look at.

mod cast;
mod locks;
mod plan;
mod pthread;
mod rng;
mod store;
#[path = "../../truth.rs"]
#[allow(unreachable_pub, reason = "the library, of which this file is a part, makes it public")]
mod truth;

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use cast::{Stage, act, lives, nap_until, tid};
use locks::{Lock, Mode};
use plan::{Plan, Then};
use truth::{KINDS, Line};

fn main() {
    let mut args = std::env::args().skip(1);
    let (kind, seed) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
    let Ok(seed) = seed.parse() else { usage() };
    if !KINDS.contains(&kind.as_str()) {
        usage();
    }
    let plan = Plan::new(&kind, &mut rng::Rng(seed));
    let (place, families) = (plan.place, plan.families.clone());
    store::with_locks(place, &families, |locks| run(plan, locks));
}

fn usage() -> ! {
    say(&format!("usage: hang KIND SEED, KIND one of {}\n", KINDS.join(" ")));
    std::process::exit(2)
}

/// Writes to stdout without its lock, which is one of those that are played with.
fn say(text: &str) {
    // SAFETY: the bytes outlive the call.
    let written = unsafe { libc::write(1, text.as_ptr().cast(), text.len()) };
    if usize::try_from(written) != Ok(text.len()) {
        std::process::exit(3);
    }
}

fn tell(line: &Line) {
    say(&(serde_json::to_string(line).unwrap_or_default() + "\n"));
}

fn run(plan: Plan, locks: Vec<&'static dyn Lock>) {
    let stage = Stage::new(plan, locks);
    let parts = &stage.plan.parts;
    for nth in 0..parts.len() {
        let thread = std::thread::Builder::new().name(format!("t{nth}"));
        let Ok(handle) = thread.spawn(move || act(stage, nth)) else { std::process::exit(3) };
        *stage.handles[nth].lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
    }
    nap_until(|| stage.met[1].load(Ordering::SeqCst) == parts.len());
    for (nth, _) in parts.iter().enumerate().filter(|(_, p)| matches!(p.then, Then::End)) {
        let _ = stage.handle(nth).join();
    }
    let waits = |late: bool| {
        let waiting = |then: Then| matches!(then, Then::Want(..) | Then::Join(_));
        parts.iter().enumerate().filter(move |(_, p)| waiting(p.then) && p.late <= late)
    };
    for late in [false, true] {
        stage.go.store(1 + usize::from(late), Ordering::SeqCst);
        nap_until(|| stage.about.load(Ordering::SeqCst) == waits(late).count());
        if !late && parts.iter().any(|part| part.late) {
            nap_until(|| waits(false).all(|(nth, _)| is_in_futex(stage, nth)));
        }
    }
    tell_truth(stage);
    let handle = match stage.plan.main {
        Then::Join(target) => Some(stage.handle(target)),
        _ => None,
    };
    tell(&Line::Ready(true));
    match (handle, stage.plan.main) {
        (Some(handle), _) => drop(handle.join()),
        (None, Then::Live(live)) => lives(live),
        _ => {}
    }
    std::process::abort();
}

fn is_in_futex(stage: &Stage, nth: usize) -> bool {
    let tid = stage.tids[nth].load(Ordering::SeqCst);
    let call = std::fs::read_to_string(format!("/proc/self/task/{tid}/syscall"));
    call.is_ok_and(|call| call.starts_with(&format!("{} ", libc::SYS_futex)))
}

fn tell_truth(stage: &Stage) {
    let plan = &stage.plan;
    let id = |nth: usize| stage.tids[nth].load(Ordering::SeqCst);
    let mut about = format!("locks in {:?}, main {} then {:?}", plan.place, tid(), plan.main);
    for (nth, part) in plan.parts.iter().enumerate() {
        about += &format!("\n  t{nth} {}: {part:?}", id(nth));
    }
    tell(&Line::About(about));
    let of = |fits: &dyn Fn(Then) -> bool| -> Vec<i32> {
        let fitting = plan.parts.iter().enumerate().filter(|(_, part)| fits(part.then));
        fitting.map(|(nth, _)| id(nth)).collect()
    };
    for (lock, family) in plan.families.iter().enumerate() {
        let has = |holds: &[(usize, Mode)]| holds.iter().any(|(held, _)| *held == lock);
        let owners = plan.parts.iter().enumerate();
        let owners = owners.filter(|(_, p)| has(&p.holds) && !matches!(p.then, Then::End));
        let line = truth::Lock {
            what: format!("{family:?}"),
            address: stage.locks[lock].address(),
            owners: owners.map(|(nth, _)| id(nth)).collect(),
            waiters: of(&|then| matches!(then, Then::Want(wanted, _) if wanted == lock)),
            sometimes: of(&|then| matches!(then, Then::Attempt(wanted) if wanted == lock)),
        };
        if !line.waiters.is_empty() || !line.sometimes.is_empty() {
            tell(&Line::Lock(line));
        }
    }
    for nth in 0..plan.parts.len() {
        let join = |then| matches!(then, Then::Join(target) if target == nth);
        let mut waiters = of(&join);
        if join(plan.main) {
            waiters.push(tid());
        }
        if !waiters.is_empty() {
            let (owners, sometimes) = (vec![id(nth)], vec![]);
            let what = "end of a thread".to_owned();
            tell(&Line::Lock(truth::Lock { what, address: 0, owners, waiters, sometimes }));
        }
    }
}
