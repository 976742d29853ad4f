//! Five lines for whoever opens the directory.

use super::{Form, Reproducer, Verified};

/// The README: what it shows, how it is built and run, how long that takes, and what to expect.
pub fn readme(made: &Reproducer, verified: Option<&Verified>) -> String {
    let Reproducer { shows, build, run, form, .. } = made;
    let run = run.iter().map(|word| crate::explore::target::quoted(word));
    let run = run.collect::<Vec<_>>().join(" ");
    let takes = match (form, verified) {
        (_, Some(seen)) if seen.of > 0 => format!(
            "Building took {} s on the machine that this comes from, {} runs {} s.",
            seen.build_seconds.round(),
            seen.of,
            seen.run_seconds.round()
        ),
        (Form::Driver, _) => {
            "It ends by itself when its trials or its seconds are over.".to_owned()
        }
        (Form::Plain, _) => "A run ends by itself, unless it hangs.".to_owned(),
    };
    let expect = match form {
        Form::Driver => {
            "It runs each trial in a process of its own. Its last line is like `failed 3 of 200 trials: \
             3 did not end within 10 s`, and its exit code 1 if any failed; `--hold` keeps a trial that \
             hangs for a debugger."
        }
        Form::Plain => {
            "One run is one trial, so repeat it: it fails if it crashes, panics, or does not end (see \
             its threads with `gdb -p PID` or `eu-stack -p PID`)."
        }
    };
    let seen = match verified {
        Some(seen) if seen.of > 0 => format!(" Seen there: {seen}."),
        _ => String::new(),
    };
    format!("{shows}\n\n- Build: `{build}`\n- Run: `{run}`\n- {takes}\n- {expect}{seen}\n")
}
