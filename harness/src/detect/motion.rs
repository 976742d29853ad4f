//! What moved from look to look, in numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::names::path;
use super::waits;
use crate::capture::ThreadStack;
use crate::observation::Wait;
use crate::scene::Look;

/// One thread over all looks.
#[derive(Debug, Default)]
pub(super) struct Moving {
    pub(super) tid: i32,
    pub(super) name: String,
    /// Nanoseconds on a CPU between the looks, and ready to run.
    pub(super) ran: u64,
    pub(super) ready: u64,
    /// Looks at which it ran, by what the stop found.
    pub(super) running: usize,
    /// Looks at which it was in a primitive of synchronisation, or asked for one without waiting.
    pub(super) syncing: usize,
    /// Times that it was found in a system call, or coming from one, in which whoever waits for
    /// threads of its own has no business; or in code of the kernel's that tells the time.
    pub(super) outside: usize,
    /// Looks at which it ran and nothing is known of what it looked at.
    pub(super) blind: usize,
    /// Looks at which it was seen.
    pub(super) seen: usize,
    /// Different program counters and states among the looks at which it ran.
    pub(super) counters: BTreeSet<u64>,
    pub(super) states: BTreeSet<u64>,
    /// The functions of the program in which it was seen running, and how often.
    pub(super) functions: BTreeMap<String, usize>,
}

/// All threads over all looks.
#[derive(Debug, Default)]
pub(super) struct Motion {
    /// Nanoseconds between looks, in which nobody was disturbed.
    pub(super) wall: u64,
    pub(super) looks: usize,
    /// Looks that found some thread running outside of all synchronisation.
    pub(super) working: usize,
    pub(super) threads: Vec<Moving>,
}

impl Moving {
    /// Percent of the time for which it had a CPU or was ready to have one.
    pub(super) fn share(&self, wall: u64) -> u64 {
        percent(self.ran.saturating_add(self.ready), wall)
    }

    /// Looks that found it in a state in which an earlier one had found it.
    pub(super) fn came_round(&self) -> usize {
        self.running.saturating_sub(self.states.len())
    }

    /// Where it was seen running most.
    pub(super) fn place(&self) -> Option<&str> {
        let most = self.functions.iter().max_by_key(|(_, times)| **times);
        most.map(|(function, _)| function.as_str())
    }
}

impl Motion {
    pub(super) fn of(looks: &[Look]) -> Motion {
        let mut motion = Motion { looks: looks.len(), ..Motion::default() };
        let mut threads: BTreeMap<i32, Moving> = BTreeMap::new();
        for pair in looks.windows(2) {
            motion.wall += pair[1].at_us.saturating_sub(pair[0].until_us).saturating_mul(1000);
            for then in &pair[0].after {
                let Some(now) = pair[1].before.iter().find(|now| now.tid == then.tid) else {
                    continue;
                };
                let moving = threads.entry(then.tid).or_default();
                let since = |nth: usize| now.schedstat[nth].saturating_sub(then.schedstat[nth]);
                moving.ran += since(0);
                moving.ready += since(1);
            }
        }
        for stack in looks.iter().flat_map(|look| &look.stacks.threads) {
            threads.entry(stack.tid).or_default().add(stack);
        }
        for thread in looks.iter().flat_map(|look| look.before.iter().chain(&look.after)) {
            let asks = matches!(thread.wait, Wait::Syscall { nr } if !CALLS.contains(&nr));
            threads.entry(thread.tid).or_default().outside += usize::from(asks);
        }
        let works = |stack: &ThreadStack| stack.wait == Some(Wait::Running) && !is_sync(stack);
        motion.working = looks.iter().filter(|look| look.stacks.threads.iter().any(works)).count();
        motion.threads =
            threads.into_iter().map(|(tid, moving)| Moving { tid, ..moving }).collect();
        motion
    }

    /// Threads that were ready to run for a good part of the time.
    pub(super) fn busy(&self) -> impl Iterator<Item = &Moving> {
        /// From this share of one core on a thread counts as busy.
        const BUSY: u64 = 20;
        self.threads.iter().filter(|thread| thread.share(self.wall) >= BUSY)
    }

    /// The numbers in sentences.
    pub(super) fn tell(&self) -> Vec<String> {
        /// How many busy threads are told one by one.
        const TOLD: usize = 8;

        if self.wall == 0 {
            return vec![];
        }
        let ran: u64 = self.threads.iter().map(|thread| thread.ran).sum();
        let mut lines = vec![format!(
            "in {} looks over {} ms the process used {} % of one core; {} of {} threads were busy",
            self.looks,
            self.wall / 1_000_000,
            percent(ran, self.wall),
            self.busy().count(),
            self.threads.len()
        )];
        lines.extend(self.busy().take(TOLD).map(|thread| {
            let place = thread.place().map(|place| format!(", mostly in {place}"));
            format!(
                "{} ({}) had a CPU for {} % of the time and waited for one for {} %; found running at {} \
                 of {} looks{}: {} different program counters, {} functions, {} times in a state \
                 that was seen before",
                if thread.name.is_empty() { "thread" } else { &thread.name },
                thread.tid,
                percent(thread.ran, self.wall),
                percent(thread.ready, self.wall),
                thread.running,
                thread.seen,
                place.unwrap_or_default(),
                thread.counters.len(),
                thread.functions.len(),
                thread.came_round(),
            )
        }));
        let more = self.busy().count().saturating_sub(TOLD);
        lines.extend((more > 0).then(|| format!("{more} other busy threads are not told here")));
        lines
    }
}

impl Moving {
    fn add(&mut self, stack: &ThreadStack) {
        self.name.clone_from(&stack.name);
        self.seen += 1;
        let is_running = stack.wait == Some(Wait::Running);
        self.running += usize::from(is_running);
        self.blind += usize::from(is_running && stack.near == 0);
        self.outside += usize::from(is_outside(stack));
        self.syncing += usize::from(is_sync(stack));
        if is_running {
            self.counters.extend(stack.frames.first().map(|frame| frame.pc));
            self.states.extend(Some(stack.state).filter(|state| *state != 0));
            let function = waits::program_frame(stack, 0).and_then(path);
            *self.functions.entry(function.unwrap_or_else(|| "?".to_owned())).or_default() += 1;
        }
    }
}

/// System calls of those that wait for other threads, or for time to pass.
const CALLS: [i64; 5] = [
    libc::SYS_sched_yield,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_futex,
];

/// Whether a thread asks somebody outside of the process, if only for the time.
fn is_outside(stack: &ThreadStack) -> bool {
    let call = match stack.wait {
        Some(Wait::Syscall { nr }) => Some(nr),
        _ => stack.left,
    };
    let in_vdso = || stack.frames.first().is_some_and(|f| f.module.as_deref() == Some("[vdso]"));
    call.is_some_and(|nr| !CALLS.contains(&nr)) || in_vdso()
}

/// Whether a thread is busy with synchronisation: it waits with a time limit, yields, sleeps, or runs in
/// library code that is there for that. What the program calls its own functions says nothing.
fn is_sync(stack: &ThreadStack) -> bool {
    const WORDS: [&str; 8] =
        ["lock", "spin", "yield", "backoff", "barrier", "compare_exchange", "mutex", "atomic"];

    match stack.wait {
        Some(Wait::Futex { .. }) => return true,
        Some(Wait::Syscall { nr }) => return CALLS.contains(&nr),
        _ => {}
    }
    let library = stack.frames.iter().take_while(|frame| !waits::is_of_program(frame));
    library.filter_map(path).any(|name| {
        let name = name.to_lowercase();
        // `block` holds `lock`.
        WORDS.iter().any(|word| name.replace("block", "").contains(word))
    })
}

fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100) / whole.max(1)
}
