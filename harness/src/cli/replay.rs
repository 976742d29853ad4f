//! `standstill replay`: one schedule again, by its token or from its file.

mod output;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::Args;
use serde_json::json;
use standstill_scheduler::abi::{FLAG_RECORD, Order};

use super::explore::{lost, refused};
use super::{Exit, Failure, MessageFormat, complain, duration, print};
use crate::environment::sha256;
use crate::explore::ended::{Ended, How};
use crate::explore::interleaving::table;
use crate::explore::level::Level;
use crate::explore::output::Printed;
use crate::explore::places::Namer;
use crate::explore::portfolio::Assignment;
use crate::explore::profile;
use crate::explore::record::Record;
use crate::explore::rerun::address;
use crate::explore::server::{Limits, Server};
use crate::explore::target::Target;
use crate::explore::token::Token;
use crate::os::control::cpus;
use crate::report::interleaving::interleaving;
use crate::verdict::Finding;

const EXIT_CODES: &str = "\
A token finds the schedule that `standstill explore` stored on this machine. Elsewhere the command
follows it: the token then names seed and strategy.

Exit codes:
  0    every run repeated the schedule, step for step, and ended alike
  1    one differed
  2    there is no such schedule, or the command line makes no sense
  3    every run ended, and there is nothing to compare it with
  4    something that standstill needs failed
  130  interrupted";

/// `standstill replay`.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct ReplayArgs {
    /// A token, or a schedule.json that --keep has left
    #[arg(value_name = "TOKEN|FILE")]
    schedule: String,
    /// How often
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    times: u32,
    /// Attach gdb where it stands still
    #[arg(long)]
    gdb: bool,
    /// Repeat the minimised schedule, if there is one, and show its interleaving
    #[arg(long, conflicts_with = "gdb")]
    table: bool,
    /// How long it may be without a step
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    timeout: Duration,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = MessageFormat::Human)]
    message_format: MessageFormat,
    /// The program and its arguments, where they are not stored
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What is to be repeated.
struct Original {
    target: Target,
    assignment: Assignment,
    /// Hash of the schedule and its end, where they are known.
    known: Option<(u64, How)>,
    /// What it printed, where that is what was found.
    printed: Option<Printed>,
    /// What was found then.
    finding: Option<Finding>,
    /// What is not as it was, each a clause.
    differences: Vec<String>,
}

/// How long it may take to see which accesses threads share.
const CHOOSING: Duration = Duration::from_secs(20);

pub(super) fn main(args: &ReplayArgs) -> Result<Exit, Failure> {
    let mut original = Original::find(args)?;
    original.target.timeout = args.timeout;
    let cpu = cpus().first().copied().unwrap_or(0);
    original.choose(cpu)?;
    for difference in &original.differences {
        complain(&format!("standstill: {difference}: the schedule may go otherwise"));
    }
    if args.gdb && Command::new("gdb").arg("--version").output().is_err() {
        return Err(Failure::failed(anyhow!(
            "gdb does not run: install it, or leave --gdb out; --table draws the schedule"
        )));
    }
    crate::os::process::write_no_core_files();
    let until = Instant::now() + Duration::from_secs(7 * 24 * 3600);
    let mut server = Server::start(&original.target, cpu, until).map_err(lost)?;
    let (stop, mut namer) = (AtomicBool::new(false), Namer::default());
    let (mut alike, mut difference) = (0, None);
    let mut hashes = std::collections::BTreeSet::new();
    for nth in 1..=args.times {
        let limits = Limits { until, stop: &stop };
        let mut look = |ended: &mut Ended| {
            ended.name(namer.name(ended.pid, ended.addresses()));
            if args.gdb {
                debug(ended.pid);
            }
        };
        let Assignment { order, script, .. } = &original.assignment;
        let is_drawn = args.table && nth == 1;
        let flags = order.flags | if is_drawn { FLAG_RECORD } else { 0 };
        let order = Order { flags, ..*order };
        let ended = server.trial(&order, script, limits, &mut look).map_err(lost)?;
        hashes.insert(ended.numbers.hash);
        alike += u32::from(original.is_like(&ended));
        if nth == 1 {
            let (said, compared) = output::first(&original.target, &ended);
            if args.message_format == MessageFormat::Human {
                print(&said);
            }
            difference = compared;
        }
        if is_drawn && args.message_format == MessageFormat::Human {
            let addresses = ended.events.iter().map(address).collect::<Vec<_>>();
            let places = server.pid().map(|pid| namer.name(pid, addresses)).unwrap_or_default();
            let verdict = original.finding.as_ref();
            let table = table(&ended, &places, verdict.map(|f| f.summary.as_str()));
            print(&format!("{}\n", interleaving(&table)));
        }
    }
    let known = original.known.map(|(hash, _)| hash);
    if args.message_format == MessageFormat::Json {
        let line = json!({
            "event": "replay",
            "times": args.times,
            "alike": original.known.map(|_| alike),
            "schedule_hashes": hashes.iter().map(|h| format!("{h:016x}")).collect::<Vec<_>>(),
            "expected_hash": known.map(|hash| format!("{hash:016x}")),
            "output": difference,
            "differences": original.differences,
        });
        print(&format!("{line}\n"));
    } else {
        print(&original.sentence(args.times, alike, &hashes));
    }
    Ok(match original.known {
        None => Exit::Inconclusive,
        Some(_) if alike == args.times => Exit::AsExpected,
        Some(_) => Exit::Unexpected,
    })
}

impl Original {
    /// Chooses the accesses that are scheduling points, as the search did that found the schedule.
    fn choose(&mut self, cpu: usize) -> Result<(), Failure> {
        if self.target.level != Level::Accesses {
            return Ok(());
        }
        let until = Instant::now() + CHOOSING;
        let chosen = profile::choose(&self.target, cpu, until, &AtomicBool::new(false));
        let chosen = chosen.map_err(lost)?;
        let (now, then) = (chosen.hash(), self.assignment.chosen);
        if now != then {
            self.differences.push(format!(
                "the accesses that threads were seen to share are others ({now:x}, were {then:x})"
            ));
        }
        self.target.chosen = Some(Arc::new(chosen));
        Ok(())
    }

    fn find(args: &ReplayArgs) -> Result<Original, Failure> {
        let given = Path::new(&args.schedule);
        // What `--keep` made.
        let within = given.join("schedule.json");
        let path = if given.is_dir() { &within } else { given };
        let token = args.schedule.parse::<Token>();
        if path.is_file() {
            let record =
                Record::load(path).map_err(|e| Failure::usage(anyhow!("failed to {e}")))?;
            return Original::of_record(&record, args);
        }
        let token = match token {
            Ok(token) => token,
            Err(error) => {
                let what = match () {
                    () if given.is_dir() => "this directory has no schedule.json",
                    () if given.exists() => "this is no file that can be read",
                    () => "there is no such file",
                };
                return Err(Failure::usage(anyhow!("{what}, and {error}")));
            }
        };
        match Record::recall(&args.schedule) {
            Some(record) => Original::of_record(&record, args),
            None if args.command.is_empty() => Err(Failure::usage(anyhow!(
                "no schedule of this token is stored on this machine; name its program: \
                 standstill replay TOKEN -- COMMAND"
            ))),
            None => {
                let (mut target, hash) = resolve(&args.command)?;
                (target.level, target.same_output) = (token.level, token.same_output);
                let differences = token.differences(&target, &hash);
                let assignment = token.assignment();
                let printed = None;
                Ok(Original {
                    target,
                    assignment,
                    known: None,
                    printed,
                    finding: None,
                    differences,
                })
            }
        }
    }

    fn of_record(record: &Record, args: &ReplayArgs) -> Result<Original, Failure> {
        let given = &args.command;
        let words = if given.is_empty() { record.words() } else { given.clone() };
        let (mut target, hash) = resolve(&words)?;
        // The first word as it was typed: a program may look at it.
        if given.is_empty()
            && let (Some(word), Some(typed)) = (target.words.first_mut(), record.command.first())
        {
            *word = typed.into();
        }
        target.level = record.level;
        (target.exec, target.name) = (record.exec, record.name.clone());
        target.env = record.env.clone();
        target.defers = target.has_board();
        target.cwd = Some(record.cwd.clone()).filter(|cwd| cwd.is_dir());
        let mut differences = vec![];
        if hash != record.sha256 {
            let (now, then) = (&hash[..16.min(hash.len())], record.sha256.get(..16).unwrap_or(""));
            differences.push(format!("the binary differs (sha256 {now}, was {then})"));
        }
        let minimal = record.minimal.as_ref().filter(|_| args.table);
        let short = record.minimal().filter(|_| args.table);
        let hash = minimal.map_or(record.hash, |minimal| minimal.hash);
        let printed = minimal.map_or(&record.printed, |minimal| &minimal.printed).clone();
        target.same_output = record.printed.is_some();
        Ok(Original {
            target,
            assignment: short.unwrap_or_else(|| record.assignment()),
            known: Some((hash, record.how)),
            printed,
            finding: Some(record.finding.clone()),
            differences,
        })
    }

    fn is_like(&self, ended: &Ended) -> bool {
        let is_same_output = match (&self.printed, &ended.printed) {
            (Some(then), Some(now)) => then.is_like(now),
            _ => true,
        };
        self.known == Some((ended.numbers.hash, ended.how)) && is_same_output
    }

    fn sentence(&self, times: u32, alike: u32, hashes: &std::collections::BTreeSet<u64>) -> String {
        let shown: Vec<String> = hashes.iter().take(4).map(|hash| format!("{hash:016x}")).collect();
        let shown = shown.join(", ");
        let verdict = self.finding.as_ref();
        let verdict = verdict.map(|f| format!("{} ({})", f.kind, f.confidence)).unwrap_or_default();
        match self.known {
            None => format!("standstill: {times} runs, {} schedules: {shown}\n", hashes.len()),
            Some(_) if alike == times => {
                let often = if times == 1 { String::new() } else { format!(" {times} times") };
                format!(
                    "standstill: repeated exactly{often}: schedule hash {shown}, same verdict: {verdict}\n"
                )
            }
            Some((hash, how)) => format!(
                "standstill: {alike} of {times} repeated exactly; schedule hash {hash:016x} became \
                 {shown}; the original {how}, its verdict was {verdict}\n"
            ),
        }
    }
}

/// The command's target, and the hash of its binary.
fn resolve(words: &[OsString]) -> Result<(Target, String), Failure> {
    let target = Target::resolve(words).map_err(refused)?;
    let path: PathBuf = target.exe.clone();
    let hash = sha256(&path)
        .with_context(|| format!("failed to read {}", path.display()))
        .map_err(Failure::failed)?;
    Ok((target, hash))
}

/// Lets gdb have the process until it is left.
fn debug(pid: i32) {
    complain(&format!("standstill: gdb -p {pid}"));
    if let Err(error) = Command::new("gdb").arg("-p").arg(pid.to_string()).status() {
        complain(&format!("standstill: gdb does not run: {error}"));
    }
}
