//! `set_grammar` passes elements where pointers to elements are wanted.
//!
//! whisper.cpp wants an array of pointers, one a rule (`const whisper_grammar_element **`).
//! whisper-rs gives it the address of the elements themselves, cast with `as *mut _`
//! (src/whisper_params.rs:758 in 0.15.1, :762 in 0.16.0), so the first element's type and value are
//! followed as an address (`whisper_grammar_init`, whisper.cpp:5802 in 1.7.6, :5785 in 1.8.3).
//!
//! With any grammar at all: there is no right way to use it, and the look-alike uses none. A clone of
//! the parameters, besides, points to the elements of the original, which may be dropped.

use standstill_kit::{Builder, Kind, Scenario};
use whisper_rs::{WhisperGrammarElement, WhisperGrammarElementType};

use super::super::{Model, prepare};
use super::{DEADLINE, all_done, full};
use crate::guard::{Guard, named};
use crate::parameters;

const CLAIM: &str = "Enable an array of grammar elements to be passed to the whisper model.";
const SOURCE: &str = "whisper-rs, set_grammar in src/whisper_params.rs (0.15.1:753, 0.16.0:757)";

/// `root ::= "a"`.
const GRAMMAR: [WhisperGrammarElement; 2] = [
    WhisperGrammarElement { element_type: WhisperGrammarElementType::Character, value: 'a' as u32 },
    WhisperGrammarElement { element_type: WhisperGrammarElementType::End, value: 0 },
];

pub(in crate::scenarios) fn scenario<G: Guard>() -> Scenario {
    pattern::<G>("defect_set_grammar", Some(&GRAMMAR))
        .about("full() with a grammar of one rule: the letter a")
        .reproducer(by_hand!("grammar.rs"))
        .may_find(
            Kind::Crash,
            "set_grammar passes T* as T**: whisper-rs src/whisper_params.rs, 0.15.1:758, 0.16.0:762",
        )
        .build()
}

pub(in crate::scenarios) fn look_alike<G: Guard>() -> Scenario {
    pattern::<G>("defect_set_grammar_look_alike", None)
        .about("full() without a grammar")
        .control_of(&named::<G>("defect_set_grammar"), "no grammar")
        .build()
}

fn pattern<G: Guard>(
    name: &str,
    grammar: Option<&'static [WhisperGrammarElement]>,
) -> Builder<Model, G, Result<(), String>> {
    Scenario::new(&named::<G>(name))
        .contract(CLAIM, SOURCE)
        .threads([1])
        .trials(3)
        .timeout(DEADLINE)
        .prepare(prepare)
        .setup(|model, _| model.guarded::<G>())
        .actor(move |context, _| {
            let mut parameters = parameters();
            parameters.set_grammar(grammar);
            full(context, parameters)
        })
        .check(all_done)
}
