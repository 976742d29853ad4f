use super::*;
use crate::report::fixture::{clean, finding, header, run, unit};
use crate::store::{Header, TrialRecord};
use crate::verdict::{Confidence::Proven, Kind};

/// A run that was begun with this command, and the next commands after it.
fn after(header: &mut Header, command: &str, trials: Vec<TrialRecord>) -> String {
    header.command = command.to_owned();
    let mut run = run(header, trials);
    run.dir = "runs/one run".into();
    lines(&stressed(&run, &run.summaries()), Paint::PLAIN)
}

#[test]
fn a_finding_is_reported_explored_and_swept() {
    let mut header = header(vec![unit("transfer", 2, 1), unit("transfer", 8, 1)]);
    header.plan.settings = [("model".into(), "a b.bin".into()), ("x".into(), "1".into())].into();
    let deadlock = finding(Kind::Deadlock, Proven, "transfer");
    let trials = vec![clean(&header, 0, 0), clean(&header, 1, 0).with(&header, deadlock)];
    let command = "standstill stress bank/transfer --trials 1 --seed 7 --binary './my tests'";
    insta::assert_snapshot!(after(&mut header, command, trials), @r"
    next:
      standstill report 'runs/one run'  # the report, to read or to hand on
      standstill explore bank/transfer -t 8 --model 'a b.bin' --set x=1 --binary './my tests'  # look for a schedule that fails and can be repeated
      standstill sweep bank/transfer --model 'a b.bin' --set x=1 --binary './my tests'  # the least number of threads that fails
    ");
}

#[test]
fn a_clean_run_is_explored_and_its_bound_made_smaller() {
    let mut header = header(vec![unit("transfer", 2, 3)]);
    let trials = (0..3).map(|index| clean(&header, 0, index)).collect();
    let command = "standstill stress 'bank/*' --trials 3 --seed 7";
    insta::assert_snapshot!(after(&mut header, command, trials), @r"
    next:
      standstill explore bank/transfer -t 2            # choose the schedules instead of hoping for one
      standstill stress 'bank/*' --trials 51 --seed 7  # if it stays clean, a bound ten times smaller: 7.08 %
      standstill report 'runs/one run'                 # the report, to read or to hand on
    ");
}

#[test]
fn an_interrupted_run_goes_on_first() {
    let mut header = header(vec![unit("transfer", 2, 3)]);
    let trials = vec![clean(&header, 0, 0)];
    let next = after(&mut header, "standstill stress bank/transfer --trials 3", trials);
    let first = next.lines().nth(1).unwrap();
    assert!(first.trim().starts_with("standstill stress --resume 'runs/one run'"), "{next}");
    assert_eq!(next.lines().count(), 4, "{next}");
}

#[test]
fn trials_that_say_nothing_are_made_in_another_way() {
    let mut header = header(vec![unit("transfer", 2, 1)]);
    let trials = vec![clean(&header, 0, 0).inconclusive("it left early")];
    let next = after(&mut header, "standstill stress bank/transfer --trials 1", trials);
    insta::assert_snapshot!(next, @r"
    next:
      standstill report 'runs/one run'                             # says why trials said nothing
      standstill doctor                                            # what this machine can and cannot do
      standstill stress bank/transfer -t 2 -n 1 --isolation fresh  # the same, each trial prepared by itself
    ");
}

#[test]
fn every_command_is_one_that_standstill_knows() {
    use clap::CommandFactory;
    let unit = unit("transfer", 2, 1);
    let deadlock = || finding(Kind::Deadlock, Proven, "transfer");
    let mut all = Vec::new();
    for sort in 0..3 {
        let mut header = header(vec![unit.clone()]);
        header.command = "standstill stress bank/transfer --trials 1 --profile dev".to_owned();
        let trial = clean(&header, 0, 0);
        let run = match sort {
            0 => run(&header, vec![trial.with(&header, deadlock())]),
            1 => run(&header, vec![trial.inconclusive("it left early")]),
            _ => run(&header, vec![trial]),
        };
        all.extend(stressed(&run, &run.summaries()));
    }
    assert_eq!(all.len(), 9);
    for step in all {
        let parsed = crate::cli::Cli::command().try_get_matches_from(words(&step.command));
        assert!(parsed.is_ok(), "{}: {}", step.command, parsed.unwrap_err());
    }
}

#[test]
fn a_sweep_goes_on_where_it_stopped_or_looks_closer_where_it_found_something() {
    use crate::sweep::fixture;
    let mut header = header(vec![unit("transfer", 1, 400), unit("transfer", 2, 400)]);
    header.command = "standstill sweep bank/transfer --threads 1,2 --floor 0.01".to_owned();
    let mut run = run(&header, vec![]);
    run.dir = "runs/it".into();
    let after = |swept: &Swept| {
        let steps = super::swept(&run, swept);
        steps.into_iter().map(|step| step.command).collect::<Vec<_>>()
    };
    let found = fixture::swept(&[(1, 0, 400), (2, 37, 50)]);
    assert_eq!(
        after(&found),
        [
            "standstill report runs/it",
            "standstill explore bank/transfer -t 2",
            "standstill stress bank/transfer -t 2 -n 500",
        ]
    );
    let clean = fixture::swept(&[(1, 0, 400), (2, 0, 400)]);
    assert_eq!(
        after(&clean),
        [
            "standstill explore bank/transfer",
            "standstill sweep bank/transfer --floor 0.1%",
            "standstill report runs/it",
        ]
    );
    let stopped = Swept { interrupted: true, ..clean };
    assert_eq!(
        after(&stopped),
        [
            "standstill sweep --resume runs/it",
            "standstill report runs/it",
            "standstill explore bank/transfer",
        ]
    );
}
