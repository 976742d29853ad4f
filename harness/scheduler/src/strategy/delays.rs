//! Delay bounding: Emmi, Qadeer and Rakamarić, "Delay-bounded scheduling" (POPL 2011).
//!
//! A deterministic scheduler (the default rule) that skips its choice at the steps which the script
//! names, and lets the next thread run instead. With b delays in a program of k steps there are at
//! most (k + b)^b schedules, so all of them can be run: the supervisor enumerates the scripts.

use super::View;
use super::given::Given;
use crate::abi::Decision;

impl Given {
    pub(super) fn delay(&mut self, view: &View<'_>, script: &[Decision]) -> u32 {
        let mut thread = view.default_choice();
        // A step may be named twice: each entry skips one more thread.
        while let Some(entry) = script.get(self.next).filter(|d| u64::from(d.step) <= view.step) {
            self.next += 1;
            if u64::from(entry.step) == view.step {
                thread = after(view, thread);
            }
        }
        thread
    }
}

/// The candidate after this thread in the order of creation, from the end back to the first.
fn after(view: &View<'_>, thread: u32) -> u32 {
    let next = view.candidates.iter().find(|c| c.thread > thread);
    next.unwrap_or(&view.candidates[0]).thread
}
