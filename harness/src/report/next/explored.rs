//! What comes after a search of schedules.

use std::path::Path;

use super::command::Origin;
use super::{Step, lines, report};
use crate::explore::target::Target;
use crate::program::{PROGRAM, Wanted};
use crate::report::schedule::replay;
use crate::report::style::Paint;

/// A search, as far as the next command depends on it.
#[derive(Debug)]
pub struct Search<'a> {
    /// What was searched: of a finding, the smallest run of it.
    pub target: &'a Target,
    /// The token of the first finding.
    pub token: Option<&'a str>,
    /// Where the search is stored, if it is.
    pub run: Option<&'a Path>,
    /// Whether that finding ends with threads that wait.
    pub is_blocked: bool,
    /// Whether nothing found says nothing.
    pub is_unclear: bool,
    /// Settings and source of a scenario, as flags.
    pub common: Vec<String>,
    /// The words of the command line, from the program's name.
    pub command: Vec<String>,
}

/// The next commands after a search, as lines.
pub fn explored(search: &Search<'_>, paint: Paint) -> String {
    lines(&steps(search), paint)
}

fn steps(search: &Search<'_>) -> Vec<Step> {
    let origin = Origin::with(search.common.clone());
    let target = search.target;
    let threads = target.size.as_ref().map_or(2, |size| size.threads);
    let scenario = target.name.as_deref();
    let watch = || {
        let mut words = vec!["standstill".to_owned(), "watch".to_owned(), "--".to_owned()];
        words.extend(target.words.iter().map(|word| word.to_string_lossy().into_owned()));
        Step::new(&words, "run it as it is, and say where it hangs")
    };
    let stress = |scenario| {
        let words = origin.stress(scenario, threads, 1000);
        Step::new(&words, "how often it fails with nobody choosing schedules")
    };
    let doctor = || {
        let words = ["standstill".to_owned(), "doctor".to_owned()];
        Step::new(&words, "what this machine can and cannot do")
    };
    let report = search.run.map(report);
    let longer = || Step::new(&longer(&search.command), "search ten times as long");
    let natively = |scenario| {
        let least = "the least number of threads that fails natively, if any";
        // A program that names its actors has no other number of threads.
        let sweep = (!search.common.iter().any(|word| names_actors(word)))
            .then(|| Step::new(&origin.sweep(scenario), least));
        sweep.into_iter().chain([stress(scenario)]).collect()
    };
    let replayed = |flags: &str, why: &str| {
        let command = format!("{}{flags}", replay(search.token.unwrap_or_default()));
        Step { command, why: why.to_owned() }
    };
    let (first, last): (Step, Vec<Step>) = match (search.token, scenario) {
        (Some(_), Some(scenario)) => (replayed("", "run that schedule again"), natively(scenario)),
        (Some(_), None) => {
            let closer = match search.is_blocked {
                true => replayed(" --gdb", "look at it in the debugger"),
                false => watch(),
            };
            let often = replayed(" --times 100", "whether it always ends so");
            (replayed("", "run that schedule again"), vec![closer, often])
        }
        (None, scenario) if search.is_unclear => {
            (scenario.map_or_else(watch, stress), vec![doctor(), longer()])
        }
        (None, Some(scenario)) => (longer(), natively(scenario)),
        (None, None) => (longer(), vec![watch(), doctor()]),
    };
    std::iter::once(first).chain(report).chain(last).take(3).collect()
}

/// Whether a word is a setting that asks for a program of certain actors.
fn names_actors(word: &str) -> bool {
    let program = word.strip_prefix(PROGRAM).and_then(|rest| rest.strip_prefix('='));
    program.is_some_and(|text| text.parse().is_ok_and(|wanted: Wanted| wanted.kept.is_some()))
}

/// The same command with ten times its budget and its trials, into a run of its own.
fn longer(command: &[String]) -> Vec<String> {
    // What stands behind -- is the program's own.
    let own = command.iter().position(|word| word == "--").unwrap_or(command.len());
    let (mut words, rest) = (command[..own].to_vec(), &command[own..]);
    let budget = taken(&mut words, &["--budget"]);
    let trials = taken(&mut words, &["--trials", "-n"]);
    taken(&mut words, &["--run-dir"]);
    let budget = budget.and_then(|text| humantime::parse_duration(&text).ok());
    let budget = budget.map_or(60, |time| time.as_secs().max(1)).saturating_mul(10);
    let week = 7 * 24 * 3600;
    let mut asked = vec!["--budget".to_owned(), format!("{}s", budget.min(week))];
    if let Some(trials) = trials.and_then(|text| text.parse::<u64>().ok()) {
        asked.extend(["-n".to_owned(), trials.saturating_mul(10).to_string()]);
    }
    let at = words.len().min(2);
    words.splice(at..at, asked);
    words.extend_from_slice(rest);
    words
}

/// The value of an option, taken out of the words together with it: `--a b`, `--a=b`, `-a b` or `-ab`.
fn taken(words: &mut Vec<String>, names: &[&str]) -> Option<String> {
    let is_short = |name: &str| !name.starts_with("--");
    let joined = |word: &str| {
        names.iter().find_map(|name| {
            let rest = word.strip_prefix(name).filter(|rest| !rest.is_empty())?;
            rest.strip_prefix('=').or_else(|| is_short(name).then_some(rest)).map(str::to_owned)
        })
    };
    let at = words.iter().position(|w| names.contains(&w.as_str()) || joined(w).is_some())?;
    let word = words.remove(at);
    joined(&word).or_else(|| (at < words.len()).then(|| words.remove(at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::next::words;

    #[test]
    fn a_longer_search_keeps_all_flags_but_its_budget() {
        let longer = |text: &str| longer(&words(text)).join(" ");
        assert_eq!(
            longer("standstill explore --budget 30s --level 1 -- ./a --budget 7"),
            "standstill explore --budget 300s --level 1 -- ./a --budget 7"
        );
        assert_eq!(
            longer("standstill explore controls/abba --budget=2m"),
            "standstill explore --budget 1200s controls/abba"
        );
        assert_eq!(longer("standstill explore a"), "standstill explore --budget 600s a");
        assert_eq!(
            longer("standstill explore a -n 50 --run-dir x -t 2 -- b -n 3"),
            "standstill explore --budget 600s -n 500 a -t 2 -- b -n 3"
        );
        assert_eq!(longer("standstill explore a -n7"), "standstill explore --budget 600s -n 70 a");
    }

    #[test]
    fn a_finding_is_replayed_and_a_clean_program_watched() {
        let target = Target::resolve(&["true".into(), "a b".into()]).unwrap();
        let search = |token, run| Search {
            target: &target,
            token,
            run,
            is_blocked: true,
            is_unclear: false,
            common: vec![],
            command: words("standstill explore -- true 'a b'"),
        };
        let commands = |search: &Search<'_>| {
            steps(search).into_iter().map(|step| step.command).collect::<Vec<_>>()
        };
        let replay = "standstill replay true@1:2";
        assert_eq!(
            commands(&search(Some("true@1:2"), Some(Path::new("a run")))),
            [replay, "standstill report 'a run'", &format!("{replay} --gdb")]
        );
        let times = format!("{replay} --times 100");
        assert_eq!(commands(&search(Some("true@1:2"), None))[2], times);
        let clean = commands(&search(None, None));
        assert_eq!(clean[1..], ["standstill watch -- true 'a b'", "standstill doctor"]);
    }

    #[test]
    fn what_a_scenario_showed_is_reported_and_swept() {
        let mut target = Target::resolve(&["true".into()]).unwrap();
        target.name = Some("bank/transfer".to_owned());
        let search = Search {
            target: &target,
            token: Some("t@1"),
            run: Some(Path::new("run")),
            is_blocked: true,
            is_unclear: false,
            common: vec!["--binary".to_owned(), "b".to_owned()],
            command: vec![],
        };
        let told = explored(&search, Paint::PLAIN);
        let wanted = ["replay t@1 ", "report run ", "sweep bank/transfer --binary b "];
        for (line, wanted) in told.lines().skip(1).zip(wanted) {
            assert!(line.starts_with(&format!("  standstill {wanted}")), "{told}");
        }
        let common = words("--set program=s1f:0.1+2.0");
        let told = explored(&Search { common, ..search }, Paint::PLAIN);
        assert!(told.contains("stress bank/transfer -t 2 ") && !told.contains("sweep"), "{told}");
    }
}
