// Runs the scenario above: all actors at once, each trial in a process of its own. It stands in for the
// crate `standstill-kit` and needs nothing but std.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, Stdio, exit};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How a trial's process says what became of it. A Rust program that panics ends with 101 anyway.
const PANICKED: i32 = 101;
const WRONG: i32 = 102;
const UNPREPARED: i32 = 103;

/// The words of a reproducer's command line, with what they are by default.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) trials: u32,
    pub(crate) threads: usize,
    pub(crate) seconds: u64,
    pub(crate) iterations: Option<u32>,
    pub(crate) hold: bool,
}

#[derive(Clone, Copy)]
#[rustfmt::skip]
pub(crate) enum Kind {
    Deadlock, SelfDeadlock, LostWakeup, Livelock, Starvation, Hang, Slow, DataRace, Crash, Panic,
    WrongResult, ThreadLeak,
}

#[derive(Clone, Copy)]
pub(crate) struct TrialInfo {
    pub(crate) threads: usize,
    pub(crate) iterations: u32,
    pub(crate) seed: u64,
}

/// Settings are environment variables: `model` is REPRO_SET_MODEL.
pub(crate) struct Preparation(BTreeMap<String, String>);

impl Preparation {
    pub(crate) fn setting(&self, key: &str) -> Option<&str> {
        self.0.get(&format!("REPRO_SET_{}", key.to_uppercase())).map(String::as_str)
    }
    pub(crate) fn input(&mut self, _name: &str, _path: &std::path::Path) {}
    pub(crate) fn note(&mut self, _name: &str, _value: impl Into<String>) {}
}

/// One thread of a trial.
pub(crate) struct Actor<'a> {
    index: usize,
    info: TrialInfo,
    steps: &'a AtomicU64,
    draws: std::cell::Cell<u64>,
}

impl Actor<'_> {
    pub(crate) fn index(&self) -> usize {
        self.index
    }
    pub(crate) fn count(&self) -> usize {
        self.info.threads
    }
    pub(crate) fn iterations(&self) -> u32 {
        self.info.iterations
    }
    pub(crate) fn step(&self) {
        self.steps.store(self.steps.load(Relaxed) + 1, Relaxed);
    }
    pub(crate) fn random(&self) -> u64 {
        self.draws.set(self.draws.get() + 1);
        let actor = (self.info.seed << 16 | self.index as u64).wrapping_mul(0xd134_2543_de82_ef95);
        let z = (actor + self.draws.get()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z ^ z >> 31
    }
}

/// A scenario that is ready to run: given its size, whether it is to run alone, and what an actor
/// should return (a hash), it runs one trial and ends the process.
pub(crate) struct Scenario {
    card: Card,
    trial: Box<dyn Fn(TrialInfo, Option<u64>) -> Vec<u64>>,
}

struct Card {
    about: String,
    iterations: u32,
    deadline: Duration,
    as_alone: bool,
}

pub(crate) struct NoActor;

type Prepare<P> = Box<dyn Fn(&mut Preparation) -> Result<P, String> + Send + Sync>;
type Setup<P, S> = Box<dyn Fn(&'static P, TrialInfo) -> S + Send + Sync>;
type Act<S, R> = Box<dyn Fn(&S, &Actor<'_>) -> R + Send + Sync>;
type Check<S, R> = Box<dyn Fn(&S, &[R]) -> Result<(), String> + Send + Sync>;

/// `P` is prepared once, `S` is shared by the actors, `R` is what an actor returns.
pub(crate) struct Builder<P: 'static, S, R> {
    card: Card,
    prepare: Prepare<P>,
    setup: Setup<P, S>,
    actor: Act<S, R>,
    check: Check<S, R>,
}

impl Scenario {
    pub(crate) fn new(_name: &str) -> Builder<(), (), NoActor> {
        let deadline = Duration::from_secs(10);
        let card = Card { about: String::new(), iterations: 1, deadline, as_alone: false };
        Builder::of(card, |_| Ok(()), |_, _| (), |_, _| NoActor)
    }
}

impl<P: 'static, S, R> Builder<P, S, R> {
    fn of(
        card: Card,
        prepare: impl Fn(&mut Preparation) -> Result<P, String> + Send + Sync + 'static,
        setup: impl Fn(&'static P, TrialInfo) -> S + Send + Sync + 'static,
        actor: impl Fn(&S, &Actor<'_>) -> R + Send + Sync + 'static,
    ) -> Self {
        let (prepare, setup) = (Box::new(prepare), Box::new(setup));
        Builder { card, prepare, setup, actor: Box::new(actor), check: Box::new(|_, _| Ok(())) }
    }
    pub(crate) fn about(mut self, about: &str) -> Self {
        self.card.about = about.to_owned();
        self
    }
    pub(crate) fn iterations(mut self, iterations: u32) -> Self {
        self.card.iterations = iterations;
        self
    }
    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.card.deadline = timeout;
        self
    }
    pub(crate) fn results_equal_sequential(mut self) -> Self {
        self.card.as_alone = true;
        self
    }
}

// What is said for the harness that the scenario comes from.
impl<P: 'static, S, R> Builder<P, S, R> {
    pub(crate) fn contract(self, _claim: &str, _source: &str) -> Self {
        self
    }
    pub(crate) fn reproducer(self, _path: &str) -> Self {
        self
    }
    pub(crate) fn control_of(self, _scenario: &str, _what: &str) -> Self {
        self
    }
    pub(crate) fn finds(self, _kind: Kind) -> Self {
        self
    }
    pub(crate) fn may_find(self, _kind: Kind, _issue: &str) -> Self {
        self
    }
    pub(crate) fn threads(self, _counts: impl IntoIterator<Item = u32>) -> Self {
        self
    }
    pub(crate) fn trials(self, _trials: u32) -> Self {
        self
    }
    pub(crate) fn counts_steps(self) -> Self {
        self
    }
    pub(crate) fn keeps_threads(self) -> Self {
        self
    }
    pub(crate) fn fresh_process(self) -> Self {
        self
    }
}

impl Builder<(), (), NoActor> {
    pub(crate) fn prepare<P: 'static>(
        self,
        prepare: impl Fn(&mut Preparation) -> Result<P, String> + Send + Sync + 'static,
    ) -> Builder<P, (), NoActor> {
        Builder::of(self.card, prepare, |_, _| (), |_, _| NoActor)
    }
}

impl<P: 'static> Builder<P, (), NoActor> {
    pub(crate) fn setup<S: Sync + 'static>(
        self,
        setup: impl Fn(&'static P, TrialInfo) -> S + Send + Sync + 'static,
    ) -> Builder<P, S, NoActor> {
        Builder::of(self.card, self.prepare, setup, |_, _| NoActor)
    }
}

impl<P: 'static, S: Sync + 'static> Builder<P, S, NoActor> {
    pub(crate) fn actor<R: Debug + Send + 'static>(
        self,
        actor: impl Fn(&S, &Actor<'_>) -> R + Send + Sync + 'static,
    ) -> Builder<P, S, R> {
        Builder::of(self.card, self.prepare, self.setup, actor)
    }
}

impl<P: 'static, S: Sync + 'static, R: Debug + Send + 'static> Builder<P, S, R> {
    pub(crate) fn check(
        mut self,
        check: impl Fn(&S, &[R]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.check = Box::new(check);
        self
    }

    pub(crate) fn build(self) -> Scenario {
        let Builder { card, prepare, setup, actor, check } = self;
        let trial = move |info: TrialInfo, expected: Option<u64>| {
            let prepared = prepare(&mut Preparation(std::env::vars().collect()));
            let prepared = prepared.unwrap_or_else(|why| end(UNPREPARED, &why));
            let shared = setup(Box::leak(Box::new(prepared)), info);
            let results = together(info, |actor_of| actor(&shared, actor_of));
            let hashes: Vec<u64> = results.iter().map(|r| hash(&format!("{r:?}"))).collect();
            if let Some(nth) = hashes.iter().position(|hash| expected.is_some_and(|e| e != *hash)) {
                end(WRONG, &format!("actor {nth} returned what one actor alone does not"));
            }
            check(&shared, &results).unwrap_or_else(|why| end(WRONG, &why));
            hashes
        };
        Scenario { card, trial: Box::new(trial) }
    }
}

fn end(code: i32, why: &str) -> ! {
    eprintln!("{why}");
    exit(code)
}

fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
}

/// Runs all actors, released together: past the barrier they spin for a moment until as many are
/// awake as there are cores, since a kernel wakes one thread after the other.
fn together<R: Send>(info: TrialInfo, act: impl Fn(&Actor<'_>) -> R + Sync) -> Vec<R> {
    let (barrier, awake) = (Barrier::new(info.threads), AtomicUsize::new(0));
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get()).min(info.threads);
    let body = |index: usize| {
        let steps = AtomicU64::new(0);
        let actor = Actor { index, info, steps: &steps, draws: std::cell::Cell::new(0) };
        barrier.wait();
        awake.fetch_add(1, Relaxed);
        (0..20_000)
            .take_while(|_| awake.load(Relaxed) < cores)
            .for_each(|_| std::hint::spin_loop());
        act(&actor)
    };
    std::thread::scope(|scope| {
        let body = &body;
        let actors: Vec<_> = (0..info.threads).map(|n| scope.spawn(move || body(n))).collect();
        let ended: Vec<_> = actors.into_iter().map(|actor| actor.join()).collect();
        ended.into_iter().map(|result| result.unwrap_or_else(|_| exit(PANICKED))).collect()
    })
}

/// Runs trials until there were enough or the time is up, and tells how many failed.
pub(crate) fn main(scenario: Scenario, usual: Options) -> ExitCode {
    let options = match options(usual) {
        Ok(options) => options,
        Err(why) => {
            let usage = "[--trials N] [--threads N] [--seconds N] [--iterations N] [--hold]";
            eprintln!("{why}; the options are {usage}");
            return ExitCode::from(2);
        }
    };
    let iterations = options.iterations.unwrap_or(scenario.card.iterations);
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(nth) = number("REPRO_TRIAL") {
        let threads = if nth == 0 { 1 } else { options.threads };
        let info = TrialInfo { threads, iterations, seed: nth };
        let hashes = (scenario.trial)(info, number("REPRO_EXPECTED"));
        if nth == 0 {
            println!("\nalone {}", hashes[0]);
        }
        exit(0);
    }
    let card = scenario.card;
    let iterations =
        if iterations > 1 { format!(", {iterations} iterations") } else { String::new() };
    println!("{} ({} threads{iterations})", card.about, options.threads);
    let alone = || trial(0, None, Stdio::piped()).wait_with_output().expect("run one actor alone");
    let expected = card.as_alone.then(|| {
        let said = String::from_utf8_lossy(&alone().stdout).into_owned();
        said.lines().rev().find_map(|line| line.strip_prefix("alone ")).unwrap_or("").to_owned()
    });
    let (begun, mut ran, mut failures) = (Instant::now(), 0, BTreeMap::<String, u32>::new());
    while ran < options.trials && begun.elapsed() < Duration::from_secs(options.seconds) {
        ran += 1;
        let mut child = trial(ran, expected.as_deref(), Stdio::inherit());
        let failure = match ending(&mut child, card.deadline, options.hold) {
            None => format!("did not end within {} s", card.deadline.as_secs_f32()),
            Some(status) => match (status.code(), status.signal()) {
                (Some(0), _) => continue,
                (Some(PANICKED), _) => "panicked".to_owned(),
                (Some(WRONG), _) => "had a wrong result".to_owned(),
                (Some(UNPREPARED), _) => return ExitCode::from(2),
                (Some(code), _) => format!("ended with code {code}"),
                (None, signal) => format!("died of signal {}", signal.unwrap_or(0)),
            },
        };
        eprintln!("trial {ran}: {failure}");
        *failures.entry(failure).or_default() += 1;
    }
    let failed: u32 = failures.values().sum();
    let kinds: Vec<String> = failures.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(": {}", kinds.join(", ")) };
    println!("failed {failed} of {ran} trials{kinds}");
    ExitCode::from(u8::from(failed > 0))
}

/// Starts this very program again, for one trial.
fn trial(nth: u32, expected: Option<&str>, stdout: Stdio) -> Child {
    let this = std::env::current_exe().expect("find this program");
    let mut command = Command::new(this);
    command.args(std::env::args_os().skip(1)).env("REPRO_TRIAL", nth.to_string()).stdout(stdout);
    command.envs(expected.map(|hash| ("REPRO_EXPECTED", hash)));
    command.spawn().expect("start a trial")
}

/// How the trial ended, or nothing if it has not by the deadline, and is killed then.
fn ending(child: &mut Child, deadline: Duration, hold: bool) -> Option<std::process::ExitStatus> {
    let (begun, id) = (Instant::now(), child.id());
    while begun.elapsed() < deadline {
        if let Some(status) = child.try_wait().expect("wait for the trial") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    eprintln!("process {id} has not ended; `gdb -p {id}` or `eu-stack -p {id}` shows its threads");
    if hold {
        eprintln!("it is held for you until you press Enter");
        let _ = std::io::stdin().read_line(&mut String::new());
    } else {
        eprintln!("it is killed now; with --hold it stays until you press Enter");
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn options(usual: Options) -> Result<Options, String> {
    let mut options = usual;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--hold" {
            options.hold = true;
            continue;
        }
        let number = words.next().and_then(|text| text.parse::<u32>().ok()).filter(|n| *n > 0);
        let number = number.ok_or_else(|| format!("{word} needs a number of at least 1"))?;
        match word.as_str() {
            "--trials" => options.trials = number,
            "--threads" => options.threads = number as usize,
            "--seconds" => options.seconds = number.into(),
            "--iterations" => options.iterations = Some(number),
            _ => return Err(format!("{word} is no option")),
        }
    }
    Ok(options)
}
