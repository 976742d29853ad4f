//! The guard of a C++ static: `__cxa_guard_acquire` of the Itanium C++ ABI.
//!
//! The guard does not say who initialises, and whoever does has no need to keep its address. But it
//! stands in the very function that holds the static, called from where the waiting thread waits.

use super::{Case, Read};
use crate::detect::names::path;
use crate::detect::waits::{self, WaitsFor};
use crate::graph::Holder;
use crate::verdict::Confidence;

pub(super) fn read(case: &Case<'_>) -> Option<Read> {
    if !case.is_in("cxa_guard_acquire") {
        return None;
    }
    let mut thing = case.thing("guard of a C++ static", true);
    let holder = case.site.caller;
    let function = holder.and_then(path);
    let module = holder.and_then(|frame| frame.module.clone());
    for thread in &case.snapshot.threads {
        // Not the call in which it waits for the same guard itself.
        let own = waits::primitives(thread).iter().any(|name| name.contains("cxa_guard_acquire"));
        let frames = thread.frames.iter().skip_while(|frame| {
            own && path(frame)
                .is_none_or(|name| name.contains("cxa_guard") || name.contains("syscall"))
        });
        let mut frames = frames.skip(usize::from(own));
        let inside =
            frames.find(|f| f.function.is_some() && path(f) == function && f.module == module);
        if let Some(inside) = inside {
            thing.holders.push(Holder {
                tid: thread.tid,
                confidence: Confidence::Inferred,
                weak: false,
                mentions: 0,
                why: "it is inside the function that initialises the static".to_owned(),
                site: super::super::build::location(inside),
            });
        }
    }
    thing.closed = !thing.holders.is_empty();
    thing.state = Some("being initialised".to_owned());
    Some(Read { what: Some(WaitsFor::Once), ..Read::of(thing) })
}
