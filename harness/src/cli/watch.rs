//! `standstill watch`: any program, run in place, and told of where it hangs.

mod args;
mod case;
mod stdout;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::keep::Keep;
use super::{Exit, Failure, MessageFormat, complain, print};
use crate::capture::CaptureError;
use crate::detect::scene::{judge, quarrels};
use crate::inspect::{Inspector, Sampling};
use crate::observation::Standstill;
use crate::report::scene as report;
use crate::scene::Scene;
use crate::supervise::foreign_proc;
use crate::supervise::keeper::sweep;
use crate::supervise::partial::Seen;
use crate::supervise::program::{Program, StartError, end_like};
use crate::supervise::tree::{Sighting, Tree};
use crate::verdict::Kind;

use args::OnHang;
pub(super) use args::WatchArgs;
use case::{Case, Closing, in_order_of_weight, seen};

/// How often the processes are looked at while the program is young, and a deadlock is to be told
/// of before anybody wonders.
const YOUNG: Duration = Duration::from_millis(5);
/// How often afterwards, when a watch may go on for days.
const OLD: Duration = Duration::from_millis(25);
/// How long a program is young.
const YOUTH: Duration = Duration::from_secs(3);
/// How often the program is asked what it runs now.
const INTRODUCTION: Duration = Duration::from_millis(100);
/// What is looked at when all threads wait: it shows the same twice.
const AT_REST: Sampling = Sampling { samples: 2, every: Duration::from_millis(50) };
/// What is looked at while some threads go on: who of the others ran meanwhile?
const SUSPECT: Sampling = Sampling { samples: 2, every: Duration::from_millis(300) };
/// Looks that a deadline takes at the processes together, and processes that it looks at.
const LOOKS: u32 = 32;

pub(super) fn main(args: &WatchArgs) -> Result<Exit, Failure> {
    let keep = args.keep.as_deref().map(Keep::new).transpose()?;
    if let Some(why) = foreign_proc() {
        return Err(Failure { exit: Exit::NotWatched, error: anyhow!(why) });
    }
    let Some((name, arguments)) = args.command.split_first() else {
        return Err(Failure::usage(anyhow!("there is no program to watch")));
    };
    let stdout = stdout::Before::note();
    let program = Program::start(name, arguments).map_err(|error| {
        let exit = match error {
            StartError::NotFound(..) => Exit::NotFound,
            StartError::NotExecutable(..) => Exit::NotExecutable,
            StartError::System(..) => Exit::NotWatched,
        };
        Failure { exit, error: anyhow!("failed to {error}") }
    })?;
    let mut watch = Watch {
        tree: Tree::new(program.pid, args.timeout.0, program.strangers.clone()),
        main: Inspector::introduce(program.pid),
        introduced: Instant::now(),
        inspector: Inspector::new(),
        cases: vec![],
        program,
        keep,
        stdout,
        args,
    };
    // One that has ended already has taken its name with it.
    if watch.main.program.is_empty() {
        let path = Program::path(name).map(|path| path.display().to_string());
        watch.main.program = path.unwrap_or_default();
    }
    if watch.main.command.is_empty() {
        watch.main.command =
            args.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    }
    let status = watch.run();
    watch.close(status);
    Ok(match status {
        Some(status) => Exit::Program(end_like(status)),
        None => Exit::Hung,
    })
}

/// A program under watch, and what was found so far.
struct Watch<'a> {
    args: &'a WatchArgs,
    program: Program,
    tree: Tree,
    inspector: Inspector,
    /// The program's own process, not looked at.
    main: Scene,
    introduced: Instant,
    cases: Vec<Case>,
    keep: Option<Keep>,
    stdout: stdout::Before,
}

impl Watch<'_> {
    /// Watches until the program has ended; its wait status, or `None` if it was killed.
    fn run(&mut self) -> Option<i32> {
        loop {
            let pause = if self.program.awake() < YOUTH { YOUNG } else { OLD };
            if let Some(status) = self.wait(pause) {
                return Some(status);
            }
            self.introduce();
            let at = self.program.awake();
            let sighting = self.tree.tick(at);
            for note in std::mem::take(&mut self.tree.notes) {
                complain(&format!("standstill: note: {note}"));
                self.main.notes.push(note);
            }
            let Some(sighting) = sighting else { continue };
            let cases = self.look(sighting, at);
            // Looking takes its time, in which the program may well have come to its end.
            if let Some(status) = self.wait(Duration::ZERO) {
                return Some(status);
            }
            if cases.is_empty() {
                continue;
            }
            if self.args.on_hang == OnHang::Report {
                self.tell(&cases);
                self.cases.extend(cases);
                continue;
            }
            if self.args.on_hang == OnHang::Core
                && let Some(culprit) = cases.first()
            {
                write_core(culprit, self.keep.as_ref());
            }
            // First of all nobody hangs any more, then it is told: telling may have to wait for
            // somebody who reads.
            sweep(&self.program.strangers);
            let left = self.program.children();
            if !left.is_empty() {
                complain(&format!("standstill: these processes could not be killed: {left:?}"));
            }
            self.tell(&cases);
            self.cases = cases;
            return None;
        }
    }

    /// Attends to the program for as long as `pause`; its wait status if it has ended.
    fn wait(&mut self, pause: Duration) -> Option<i32> {
        let tree = &self.tree;
        self.program.wait(pause, |pid| tree.contains(pid));
        self.program.status
    }

    /// A program may become another by `exec`, and when it has ended nobody knows which it was.
    fn introduce(&mut self) {
        if self.introduced.elapsed() < INTRODUCTION {
            return;
        }
        self.introduced = Instant::now();
        let now = Inspector::introduce(self.program.pid);
        if !now.program.is_empty() {
            self.main = Scene { notes: std::mem::take(&mut self.main.notes), ..now };
        }
    }

    /// Looks at what was sighted: the processes that hang, the weightiest first.
    fn look(&mut self, sighting: Sighting, at: Duration) -> Vec<Case> {
        match sighting {
            Sighting::Complete(pid, standstill) => {
                let case = self.case(pid, Some(standstill.clone()), Some(AT_REST));
                let is_main = pid == self.program.pid;
                if case.as_ref().is_some_and(|case| !is_main && !quarrels(&case.scene)) {
                    self.tree.put_off(pid, standstill);
                    return vec![];
                }
                self.tree.excuse(pid);
                case.into_iter().collect()
            }
            Sighting::Settled(all) => self.cases(all.into_iter(), AT_REST),
            Sighting::Suspect(pid) => {
                let begun = Instant::now();
                let case = self.case(pid, None, Some(SUSPECT));
                let seen =
                    case.as_ref().map_or(Seen::Nothing, |case| seen(&case.scene, &case.verdict));
                let is_enough = self.tree.looked(pid, self.program.awake(), begun.elapsed(), seen);
                if is_enough {
                    self.tree.excuse(pid);
                }
                case.filter(|_| is_enough).into_iter().collect()
            }
            Sighting::Deadline => {
                let all = self.tree.at_deadline(at);
                let samples =
                    (LOOKS / all.len().max(1) as u32).clamp(2, Sampling::default().samples);
                self.cases(all.into_iter(), Sampling { samples, ..Sampling::default() })
            }
        }
    }

    /// Looks at processes that are told of together, the weightiest first.
    fn cases(
        &mut self,
        all: impl Iterator<Item = (i32, Standstill)>,
        sampling: Sampling,
    ) -> Vec<Case> {
        let looked = (0..).map(|nth| (nth < LOOKS).then_some(sampling));
        let cases = all.zip(looked).filter_map(|((pid, standstill), sampling)| {
            self.tree.excuse(pid);
            self.case(pid, Some(standstill), sampling)
        });
        in_order_of_weight(cases.collect())
    }

    /// Looks at one process and judges it; `None` if it has ended meanwhile.
    fn case(
        &mut self,
        pid: i32,
        standstill: Option<Standstill>,
        sampling: Option<Sampling>,
    ) -> Option<Case> {
        let mut scene = Inspector::introduce(pid);
        scene.standstill = standstill;
        let timeout = self.args.timeout.0.unwrap_or_default();
        scene.timeout_ms = timeout.as_millis() as u64;
        match sampling {
            None => {
                scene.notes.push("There were too many processes to look at this one.".to_owned())
            }
            Some(sampling) => match self.inspector.look(&mut scene, sampling) {
                Ok(()) => {}
                Err(CaptureError::Gone { .. }) => return None,
                Err(error) => scene.notes.push(format!("There are no stacks: failed to {error}.")),
            },
        }
        let verdict = judge(&scene);
        Some(Case::new(scene, verdict))
    }

    fn tell(&self, cases: &[Case]) {
        if self.args.message_format == MessageFormat::Human {
            for case in cases {
                complain(case.text().trim_end());
            }
        }
    }

    /// The last words: what became of the program, and of what was found.
    fn close(&mut self, status: Option<i32>) {
        if let Some(status) = status {
            self.main.status = Some(status);
            self.main.is_rust =
                libc::WEXITSTATUS(status) == 101 && case::is_rust(&self.main.program);
        }
        let ended = Case::new(self.main.clone(), judge(&self.main));
        // A panic has told of itself, in more words.
        let told = ended.verdict.first().is_none_or(|first| first.kind == Kind::Panic);
        if !told && status.is_some() && self.args.message_format == MessageFormat::Human {
            complain(report::headline(&ended.scene, &ended.verdict).trim_end());
        }
        let mut cases = std::mem::take(&mut self.cases);
        if cases.is_empty() || (status.is_some() && ended.verdict.first().is_some()) {
            cases.push(ended);
        }
        let closing = Closing::new(in_order_of_weight(cases), status);
        if let Some(keep) = &self.keep
            && closing.is_worth_keeping()
            && let Err(why) = keep.write(&closing.cases(), &closing.verdict())
        {
            complain(&format!("standstill: not all was kept: failed to {why}"));
        }
        if self.args.message_format == MessageFormat::Json {
            // The program's last line may lack its end.
            let end = if self.stdout.begins_a_line() { "" } else { "\n" };
            print(&format!("{end}{}", closing.json_lines()));
        }
    }
}

/// Writes a core file of a process that is about to be killed, and says so.
fn write_core(case: &Case, keep: Option<&Keep>) {
    let pid = case.scene.pid;
    let culprit = super::core::culprit(&case.scene);
    let written = keep
        .map_or(Ok(Path::new("")), Keep::make)
        .and_then(|dir| super::core::write(pid, culprit, &dir.join(format!("core.{pid}"))));
    match written {
        Ok(said) => complain(&said),
        Err(why) => complain(&format!("standstill: no core file was written: {why}")),
    }
}
