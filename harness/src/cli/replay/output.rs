//! What is said of a replay's first run: how it ended, and what it printed beside what the program prints
//! without control.

use std::fmt::Write;
use std::time::Duration;

use crate::explore::ended::Ended;
use crate::explore::native;
use crate::explore::output::{Difference, reference, repeated};
use crate::explore::target::Target;
use crate::os::control::ANY_CPU;
use crate::text::printable;

/// Time for each run without control.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a run ended, who stands where, and where its output parts from that without control.
pub(super) fn first(target: &Target, ended: &Ended) -> (String, Option<Difference>) {
    let steps = ended.numbers.steps;
    let table = crate::report::schedule::threads(ended);
    let table = if ended.blocked.is_empty() { String::new() } else { format!("\n{table}\n") };
    let mut said = format!("standstill: it {} after {steps} steps\n{table}", ended.how);
    if !target.same_output {
        return (said, None);
    }
    let compared = compared(target, ended);
    said += &told(&compared);
    (said, compared.ok().flatten())
}

/// Where they part, or why they cannot be compared; nothing where that is not wanted.
fn compared(target: &Target, ended: &Ended) -> Result<Option<Difference>, String> {
    let Some(printed) = ended.printed.as_ref() else { return Ok(None) };
    let first = native::run(target, ANY_CPU, PATIENCE, &|| false);
    let first = first.map_err(|error| error.to_string())?;
    let others = || native::run_at_large(target, PATIENCE, &|| false);
    reference(first.as_ref(), &mut repeated(others)).map_err(|error| error.to_string())??;
    let native = first.and_then(|native| native.printed);
    Ok(native.and_then(|native| Difference::between(&native, printed)))
}

/// The same in lines.
fn told(compared: &Result<Option<Difference>, String>) -> String {
    let mut out = String::new();
    match compared {
        Ok(Some(difference)) => {
            let _ = writeln!(out, "standstill: {}", difference.summary());
            for line in difference.evidence() {
                let _ = writeln!(out, "  - {line}");
            }
        }
        Ok(None) => out += "standstill: its standard output is as without control\n",
        Err(why) => {
            let _ = writeln!(out, "standstill: its output is not compared: without control {why}");
        }
    }
    printable(&out)
}
