//! The first use of ggml by several threads at once: contexts are loaded in parallel.
//!
//! A state cannot come before its context, and the context's load has initialised everything
//! (whisper.cpp:1389, 1763, 3742 / 1363, 1738, 3717). So it is loads that can meet here.
//!
//! Property: each thing is initialised once, nobody uses it before, and all threads go on.

use std::sync::Arc;

use loom::thread;
use standstill_models::Model;

use crate::ggml::{Ggml, Rules, SOURCES};

const FIRST_USE: Model = Model::bounded("first use of ggml", 3);

/// So many threads load a context each, as far as what is global is concerned.
fn loads(threads: usize, rules: Rules) -> impl Fn() + Sync + Send + 'static {
    each(threads, rules, |ggml| ggml.get_reg())
}

/// So many threads call `first`, and then load a context.
fn each(threads: usize, rules: Rules, first: fn(&Ggml)) -> impl Fn() + Sync + Send + 'static {
    move || {
        let ggml = Arc::new(Ggml::new(rules));
        let load = |ggml: Arc<Ggml>| {
            move || {
                first(&ggml);
                // `make_buft_list`, then the context of the tensors.
                ggml.get_reg();
                ggml.init();
                assert!(ggml.is_whole(), "used before it was whole");
            }
        };
        let threads: Vec<_> =
            (0..threads).map(|_| thread::spawn(load(Arc::clone(&ggml)))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(ggml.is_whole());
    }
}

#[test]
fn two_loads_initialise_once_and_both_end() {
    let property = "two loads initialise all once, use nothing before, and end";
    FIRST_USE.holds(property, loads(2, SOURCES));
}

#[test]
fn three_loads_initialise_once_and_all_end() {
    let property = "three loads initialise all once, use nothing before, and end";
    Model::bounded("first use of ggml", 2).holds(property, loads(3, SOURCES));
}

/// As a program may that uses ggml by itself, too.
#[test]
fn whoever_comes_to_the_section_before_the_registry_is_served() {
    let property = "two loads do the same where the CPU is initialised before the registry";
    FIRST_USE.holds(property, each(2, SOURCES, |ggml| ggml.cpu_reg()));
}

/// Nothing but the flag. (After the registry, whose guard orders first calls too, it would not race.)
#[test]
fn a_twin_without_the_section_races() {
    let ggml_init = |ggml: &Ggml| ggml.time.call();
    FIRST_USE.rejects(
        "ggml_init without the critical section",
        "Causality violation",
        each(2, Rules { ggml_init, ..SOURCES }, |ggml| ggml.init()),
    );
}

/// Double-checked: the first look at the flag is outside the section, and the flag is no atomic.
#[test]
fn a_twin_that_looks_first_races() {
    let ggml_cpu_init = |ggml: &Ggml| {
        ggml.init();
        if ggml.tables.is_first() {
            let _section = ggml.critical_section();
            ggml.tables.call();
        }
    };
    FIRST_USE.rejects(
        "ggml_cpu_init looks at its flag before it takes the section",
        "Causality violation",
        each(2, Rules { ggml_cpu_init, ..SOURCES }, |ggml| ggml.cpu_reg()),
    );
}

/// `std::mutex` is not recursive.
#[test]
fn a_twin_that_nests_the_section_waits_for_itself() {
    let ggml_cpu_init = |ggml: &Ggml| {
        let _section = ggml.critical_section();
        ggml.init();
        ggml.tables.call();
    };
    FIRST_USE.rejects(
        "ggml_cpu_init calls ggml_init within the section",
        "deadlock",
        loads(1, Rules { ggml_cpu_init, ..SOURCES }),
    );
}

/// Everywhere in the sources the registry's guard is taken before the section. The other way round
/// whoever comes first waits for itself, and whoever comes second for the first, who waits for it.
#[test]
fn a_twin_that_asks_for_the_registry_within_the_section_deadlocks() {
    let backwards = |ggml: &Ggml| {
        let _section = ggml.critical_section();
        ggml.get_reg();
    };
    FIRST_USE.rejects(
        "somebody asks for the registry within the section",
        "deadlock",
        each(2, SOURCES, backwards),
    );
}

/// As compiled with `-fno-threadsafe-statics`.
#[test]
fn a_twin_without_guards_constructs_the_registry_twice() {
    let get_reg = |ggml: &Ggml| {
        if ggml.registry.made() == 0 {
            ggml.construct_registry();
            ggml.registry.construct();
        }
    };
    FIRST_USE.rejects(
        "the registry's static has no guard",
        "Causality violation",
        loads(2, Rules { get_reg, ..SOURCES }),
    );
}

#[test]
fn a_twin_whose_guard_wakes_nobody_hangs() {
    let get_reg = |ggml: &Ggml| {
        if ggml.registry.acquire() {
            ggml.construct_registry();
            ggml.registry.construct();
            ggml.registry.release_without_waking();
        }
    };
    FIRST_USE.rejects(
        "the registry's guard is released without a wake",
        "deadlock",
        loads(2, Rules { get_reg, ..SOURCES }),
    );
}
