//! Where an event happened in the program's own terms, and which call of a library it was.
//!
//! An atomic instruction of a Rust program mostly lies in functions of std that were inlined into the
//! program's: the innermost frame of the program says where, the frame inside of it what.

use std::collections::BTreeMap;

use standstill_scheduler::abi::{Blocked, Event};

use crate::explore::ended::Ended;
use crate::explore::places::{Line, Place, is_own};
use crate::explore::rerun::address;

/// An event's names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// `src/bank.rs:12 transfer`; none for one outside of the program's code.
    pub(super) place: Option<String>,
    /// `Mutex::lock`; none if it is the program's own.
    pub(super) api: Option<String>,
    /// Whether the place is in the program rather than in something that it is built from.
    pub(super) is_program: bool,
}

impl Named {
    /// Whether the program, or something that it is built from, calls a library here: an operation
    /// begins.
    pub(super) fn is_call(&self) -> bool {
        self.is_program || self.api.is_some()
    }

    /// Whether it only counts references, or belongs to how std makes threads.
    pub(super) fn is_count(&self) -> bool {
        let counts = [
            "Arc::",
            "Weak::",
            "thread::",
            "functions::spawn",
            "scoped::",
            "ScopeData::",
            "Builder::",
        ];
        self.api.as_ref().is_some_and(|api| counts.iter().any(|count| api.starts_with(count)))
    }
}

pub(super) fn named(event: &Event, places: &BTreeMap<u64, Place>) -> Named {
    let Some(place) = places.get(&address(event)) else { return Named::default() };
    let frames = &place.frames;
    let is_own = |line: &Line| is_own(&line.function, &line.at);
    let program = frames.iter().position(|line| is_own(line) && !is_dependency(&line.at));
    let Some(at) = program.or_else(|| frames.iter().position(is_own)) else {
        return Named::default();
    };
    let inner = &frames[..at];
    let within = |parts: &[&str]| {
        inner.iter().any(|line| parts.iter().all(|part| line.function.contains(part)))
    };
    let api = match inner.last() {
        Some(_) if within(&["sync::Arc<", "drop"]) => Some("Arc::drop".to_owned()),
        Some(_) if within(&["::unlock"]) => Some("unlock".to_owned()),
        outermost => outermost.map(|line| call(&line.function)),
    };
    let is_program = program.is_some();
    Named { place: Some(shown(&frames[at])), api, is_program }
}

/// Where a thread stands at the end: in the program, if its stack is known.
pub(super) fn end(ended: &Ended, thread: &Blocked) -> String {
    let stacks = ended.scene.as_ref().and_then(|scene| scene.looks.last());
    let stack = stacks
        .and_then(|look| look.stacks.threads.iter().find(|stack| stack.tid as u32 == thread.tid));
    let lines = stack.iter().flat_map(|stack| &stack.frames).filter_map(|frame| {
        Some(Line::new(frame.function.as_deref()?, Some(frame.file.as_deref()?), frame.line))
    });
    let mut own = lines.filter(|line| is_own(&line.function, &line.at) && !is_dependency(&line.at));
    own.next().map(|line| shown(&line)).unwrap_or_else(|| {
        let place = ended.place_of(thread).unwrap_or_default();
        match place.rsplit_once(" at ") {
            Some((function, at)) => {
                shown(&Line { function: function.to_owned(), at: at.to_owned() })
            }
            None => place,
        }
    })
}

/// Whether a file lies in the directory of a release, as in a registry: `name-1.2.3/src/lib.rs`.
fn is_dependency(at: &str) -> bool {
    at.split('/').any(|part| {
        let version = part.rsplit_once('-').map_or("", |(_, version)| version);
        version.contains('.') && version.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// `file:line function`, which reads down a column.
fn shown(line: &Line) -> String {
    let function = last(&plain(&line.function), 1);
    match line.at.is_empty() {
        true => function,
        false => format!("{} {function}", line.at),
    }
}

/// The type and the function of a library's call.
fn call(function: &str) -> String {
    let drops = function.contains("drop");
    match () {
        () if drops && function.contains("Guard") => "unlock".to_owned(),
        () if drops && function.contains("Arc<") => "Arc::drop".to_owned(),
        () => match last(&plain(function), 2).as_str() {
            "Mutex::lock" => "lock".to_owned(),
            "RwLock::read" => "read lock".to_owned(),
            "RwLock::write" => "write lock".to_owned(),
            call if call.ends_with("::drop_in_place") => "drop".to_owned(),
            call => call.to_owned(),
        },
    }
}

/// The last `count` parts of a path.
fn last(path: &str, count: usize) -> String {
    let closure = |part: &&str| !part.starts_with('{') && !part.is_empty();
    let parts: Vec<&str> = path.split("::").filter(closure).collect();
    parts[parts.len().saturating_sub(count)..].join("::")
}

/// A function's path without type arguments; of `<T as Trait>::f` it is `T::f`.
fn plain(function: &str) -> String {
    if let Some(rest) = function.strip_prefix('<') {
        let mut depth = 1;
        let end = rest.char_indices().find(|(_, c)| {
            depth += i32::from(*c == '<') - i32::from(*c == '>');
            depth == 0
        });
        if let Some((end, _)) = end {
            let (inner, after) = (&rest[..end], &rest[end + 1..]);
            let of = inner.split_once(" as ").map_or(inner, |(of, _)| of);
            return plain(of) + &plain(after);
        }
    }
    let (mut depth, mut out) = (0, String::new());
    for c in function.replace("::<", "<").chars() {
        match c {
            '<' => depth += 1,
            '>' => depth -= 1,
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_called_as_in_the_source() {
        for (function, expected) in [
            ("std::sync::poison::mutex::Mutex<alloc::vec::Vec<u8>>::lock<i32>", "lock"),
            ("core::sync::atomic::AtomicU32::fetch_add", "AtomicU32::fetch_add"),
            ("core::sync::atomic::Atomic<u32>::load", "Atomic::load"),
            ("core::ptr::drop_in_place<std::sync::poison::mutex::MutexGuard<i32>>", "unlock"),
            ("<std::sync::MutexGuard<T> as core::ops::Drop>::drop", "unlock"),
            ("<alloc::sync::Arc<T> as core::clone::Clone>::clone", "Arc::clone"),
        ] {
            assert_eq!(call(function), expected);
        }
    }

    #[test]
    fn the_programs_line_comes_before_its_dependencies() {
        let line = |function: &str, at: &str| Line { function: function.into(), at: at.into() };
        let frames = vec![
            line("core::sync::atomic::AtomicUsize::swap", "/rustc/x/atomic.rs:1"),
            line("dashmap::lock::RawRwLock::lock", "dashmap-5.5.3/src/lock.rs:9"),
            line("app::Cache<K>::put::{closure#0}", "app/src/cache.rs:31"),
        ];
        let place = Place { module: "app".into(), address: 1, frames };
        let event = Event { pc: 8, ..Event::default() };
        let named = named(&event, &BTreeMap::from([(8, place)]));
        assert_eq!(named.place.as_deref(), Some("app/src/cache.rs:31 put"));
        assert_eq!(named.api.as_deref(), Some("RawRwLock::lock"));
        assert!(named.is_program);
    }
}
