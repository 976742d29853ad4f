//! Who may have a lock that does not say: from where its address was found on stacks.
//!
//! A guard holds the address of its lock, so whoever has one on the stack is a candidate. So is
//! whoever merely knows the lock; a static may be known by the code alone. Threads that wait for the lock themselves are left out as long as
//! there are others; if there are none, whoever has it is one of them, or has ended, or has forgotten
//! its guard. All of this is inferred, never proven.

use std::collections::BTreeSet;

use super::build::location;
use super::{Holder, Thing};
use crate::capture::{Frame, Mention, Snapshot, ThreadStack};
use crate::detect::waits::{self, WaitsFor};
use crate::verdict::Confidence;

/// A thing whose holders are looked for.
pub(super) struct Search<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// What whoever has it knows.
    pub(super) address: u64,
    /// Who waits for it, and how.
    pub(super) waiters: &'a [(i32, WaitsFor)],
    /// On whose stack it lies.
    pub(super) lies_on: Option<i32>,
    /// How many may have it, where its memory says so.
    pub(super) readers: Option<u64>,
}

/// Adds candidates to a lock without a known owner, and to a known owner where it took the lock.
pub(super) fn find(thing: &mut Thing, search: &Search<'_>) {
    if !thing.holders.is_empty() {
        for holder in thing.holders.iter_mut().filter(|holder| holder.site.is_none()) {
            holder.site = search.site_of(holder.tid);
        }
        return;
    }
    if thing.state.as_deref() == Some("not locked at this moment") {
        return;
    }
    let waits = |tid: &i32| search.waiters.iter().any(|(waiter, _)| waiter == tid);
    let know = |in_code: bool| -> BTreeSet<i32> {
        let mentions = search.mentions().filter(|mention| mention.in_code == in_code);
        mentions.map(|mention| mention.tid).filter(|tid| !waits(tid)).collect()
    };
    let by_stack = know(false);
    // Whoever locks a static need not write its address down; but a function that refers to it need
    // not have it at this moment.
    let by_code = know(true);
    let mut why = vec![
        (by_stack.clone(), "the lock's address lies on its stack"),
        (&by_code - &by_stack, "a function on its stack refers to this static lock"),
    ];
    thing.closed = !by_stack.is_empty() || !by_code.is_empty();
    if !thing.closed && search.mentions().next().is_some() {
        // A guard may lie elsewhere, so that nobody's stack shows who has it.
        let waiters = search.waiters_that_may_have_it();
        why.push((
            waiters.into_iter().collect(),
            "nobody else's stack has the lock's address, and it waits for the lock itself",
        ));
    }
    let further: BTreeSet<i32> = search.waiters_further_out();
    // Another one than the waiter itself is the likelier, if there is one.
    let others = by_stack.iter().any(|tid| search.lies_on != Some(*tid));
    if thing.closed && !others {
        let trace = "it waits for the lock itself, and its stack has the address further out";
        why.insert(0, (further.clone(), trace));
    }
    let all_readers = search.readers.is_some_and(|readers| readers == by_stack.len() as u64);
    thing.every = all_readers;
    // Of 2,000 hangs with known owners, made to mislead, nine in ten of the single candidates that
    // this lets pass were right, and two in three of those that it does not.
    let one = search.readers.is_none_or(|readers| readers == 1)
        && by_stack.iter().all(|tid| search.mentions().filter(|m| m.tid == *tid).nth(1).is_some())
        && by_stack.len() == 1
        && by_code.is_empty()
        && further.is_empty();
    let alone = one || (all_readers && by_code.is_empty());
    let confidence = if alone { Confidence::Inferred } else { Confidence::Suspected };
    // Whoever has the lock on its own stack knows it anyway, and comes last.
    for (tids, why) in why {
        thing.holders.extend(tids.into_iter().map(|tid| Holder {
            tid,
            confidence,
            weak: search.lies_on == Some(tid),
            mentions: search.mentions().filter(|m| m.tid == tid && !m.in_code).count() as u32,
            why: why.to_owned(),
            site: search.site_of(tid),
        }));
    }
}

impl Search<'_> {
    fn mentions(&self) -> impl Iterator<Item = &Mention> {
        let words = self.snapshot.words.iter();
        let all = words.flat_map(|word| &word.mentions);
        all.filter(|mention| mention.value == self.address)
    }

    fn mentions_by(&self, tid: i32) -> impl Iterator<Item = &Mention> {
        self.mentions().filter(move |mention| mention.tid == tid && mention.frame.is_some())
    }

    fn thread(&self, tid: i32) -> Option<&ThreadStack> {
        self.snapshot.threads.iter().find(|thread| thread.tid == tid)
    }

    /// Of those that wait for the lock: the only one; or the reader that waits behind a writer, which
    /// waits for readers.
    fn waiters_that_may_have_it(&self) -> Vec<i32> {
        let reading = |(_, what): &&(i32, WaitsFor)| *what == WaitsFor::Read;
        match self.waiters {
            [(only, _)] => vec![*only],
            all if self.readers.is_some_and(|n| n > 0) && all.iter().any(|w| !reading(&w)) => {
                all.iter().filter(reading).map(|(tid, _)| *tid).collect()
            }
            all => all.iter().map(|(tid, _)| *tid).collect(),
        }
    }

    /// Whether a waiter has the address further out on its stack than in the function that waits: it
    /// may have the lock already.
    fn is_known_further_out(&self, tid: i32) -> bool {
        let Some(thread) = self.thread(tid) else { return false };
        let caller = waits::site(thread).caller;
        let is_caller = |frame: &Frame| caller.is_some_and(|caller| std::ptr::eq(caller, frame));
        let Some(caller) = thread.frames.iter().position(is_caller) else { return false };
        let inlined = thread.frames[caller..].iter().take_while(|frame| frame.inlined).count();
        self.mentions_by(tid).any(|m| !m.in_code && m.frame > Some(caller + inlined))
    }

    fn waiters_further_out(&self) -> BTreeSet<i32> {
        let tids = self.waiters.iter().map(|(tid, _)| *tid);
        tids.filter(|tid| self.is_known_further_out(*tid)).collect()
    }

    /// Where a thread took what it has, in or below this: the function of the program on whose part
    /// of the stack the outermost mention lies, or that called what it lies on. Mentions further in
    /// are passed on from there; of a thread that waits, also for what it waits for.
    fn site_of(&self, tid: i32) -> Option<String> {
        let thread = self.thread(tid)?;
        let mut frames: Vec<usize> = self.mentions_by(tid).filter_map(|m| m.frame).collect();
        frames.sort_unstable();
        let of_program = |outermost: &usize| {
            let inlined = thread.frames.get(..*outermost)?.iter().rev().take_while(|f| f.inlined);
            let group = thread.frames.get(outermost - inlined.count()..=*outermost)?;
            group.iter().rev().find(|frame| waits::is_of_program(frame))
        };
        let frame = frames.iter().rev().find_map(of_program);
        let further = || waits::program_frame(thread, *frames.first()?);
        location(frame.or_else(further)?)
    }
}
