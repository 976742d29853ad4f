//! What became of a generated program that was made smaller, for a person and for a program.

use std::fmt::Write;

use serde_json::{Value, json};

use super::page::words::counted;
use crate::program::Program;
use crate::shrink::{Shrunk, Size};
use crate::text::printable;

/// The answer, the program that is left, and what it leaves open.
pub fn told(shrunk: &Shrunk) -> String {
    let Shrunk { scenario, kind, was, now, from, program, .. } = shrunk;
    let mut out = format!("{scenario}: {kind} with {}", size(*now));
    match now == was {
        true => out += ", as it was found\n",
        false => _ = writeln!(out, ", of {} as it was found", size(*was)),
    }
    for line in lines(&shrunk.calls) {
        let _ = writeln!(out, "  {}", printable(&line));
    }
    let _ = match shrunk.rate.n {
        0 => writeln!(out, "how often it fails was not measured"),
        _ => writeln!(out, "it fails in {}", shrunk.rate.sentence()),
    };
    let (programs, trials, each) = (shrunk.programs, shrunk.trials, shrunk.each);
    let _ = writeln!(
        out,
        "tried: {} in {}, each until it failed or had {}",
        counted(programs, "program"),
        counted(trials, "trial"),
        counted(each, "trial"),
    );
    out += match shrunk.complete {
        true if now.calls > 1 => {
            "no program with one call less was seen to fail in its trials; that it never does is not \
             shown\n"
        }
        true => "",
        false => "there was no time for all smaller programs; --budget gives more\n",
    };
    if from != program {
        let _ = writeln!(out, "as it was found: --set program={from}");
    }
    out
}

/// The same in one object.
pub fn object(shrunk: &Shrunk, run: Option<&std::path::Path>) -> Value {
    let mut object = json!(shrunk);
    object["event"] = "shrunk".into();
    object["verdict"] = "found".into();
    object["kinds"] = json!([shrunk.kind]);
    object["run"] = json!(run);
    object
}

/// `2 threads and 3 calls`.
pub fn size(size: Size) -> String {
    let threads = counted(size.threads as u64, "thread");
    format!("{threads} and {}", counted(size.calls as u64, "call"))
}

fn lines(program: &Program) -> Vec<String> {
    program.lines(&[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{Call, Part};
    use crate::stats::Rate;
    use crate::verdict::Kind;

    fn shrunk(complete: bool) -> Shrunk {
        let call = |number| Call { number, text: format!("Call{number}") };
        let calls = Program {
            seed: 31,
            actors: vec![
                Part { actor: 0, calls: vec![call(2)] },
                Part { actor: 3, calls: vec![call(1)] },
            ],
        };
        Shrunk {
            scenario: "bank/transfer".to_owned(),
            kind: Kind::Deadlock,
            was: Size { threads: 8, calls: 37 },
            now: Size { threads: 2, calls: 2 },
            program: calls.wanted().to_string(),
            calls,
            from: "s1f:0.0.1.2+3.1".to_owned(),
            programs: 12,
            trials: 640,
            each: 100,
            complete,
            rate: Rate { k: 98, n: 100 },
        }
    }

    #[test]
    fn the_answer_says_what_is_left_how_often_it_fails_and_what_is_open() {
        let text = told(&shrunk(true));
        assert!(text.starts_with(
            "bank/transfer: deadlock with 2 threads and 2 calls, of 8 threads and 37 calls as it was \
             found\n  actor 0: 2: Call2\n  actor 1 (as generated: 3): 1: Call1\nit fails in 98 of 100"
        ));
        assert!(text.contains("12 programs in 640 trials, each until it failed or had 100 trials"));
        assert!(text.contains("that it never does is not shown"), "{text}");
        assert!(text.ends_with("as it was found: --set program=s1f:0.0.1.2+3.1\n"), "{text}");
    }

    #[test]
    fn a_search_that_was_cut_short_says_so() {
        let text = told(&shrunk(false));
        assert!(text.contains("no time") && !text.contains("never does"), "{text}");
    }
}
