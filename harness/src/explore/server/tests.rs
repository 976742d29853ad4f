//! The conversation, with a thread that speaks the runtime's part.

use super::*;
use std::process::{Child, Command, Stdio};

use rustix::net::SendFlags;

/// What the stand-in for the runtime does when it is told to run a trial.
type Part = fn(&Said, &dyn Fn(u32, i32, i64));

/// A server whose runtime is a thread; `sleeper` stands in for the trial's process.
fn server(timeout: Duration, part: Part) -> Server {
    let kind = SocketType::SEQPACKET;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap();
    let mut target = Target::resolve(&["true".into()]).unwrap();
    target.timeout = timeout;
    let mut process = Process::new(sleeper(), ours).unwrap();
    process.forks = true;
    std::thread::spawn(move || {
        let mut runtime = Process::new(sleeper(), theirs).unwrap();
        loop {
            let said = runtime.wait(Duration::from_secs(30));
            let say = |what: u32, pid: i32, value: i64| {
                let mut bytes = [0; 16];
                bytes[..4].copy_from_slice(&what.to_ne_bytes());
                bytes[4..8].copy_from_slice(&pid.to_ne_bytes());
                bytes[8..].copy_from_slice(&value.to_ne_bytes());
                rustix::net::send(&runtime.socket, &bytes, SendFlags::NOSIGNAL).unwrap();
            };
            match said {
                Said::Message(_) => part(&said, &say),
                _ => return,
            }
        }
    });
    Server {
        target,
        runtime: PathBuf::new(),
        cpu: 0,
        memory: Memory::create().unwrap(),
        patches: Patches::new().unwrap(),
        sinks: Sinks::new().unwrap(),
        board: None,
        process: Some(process),
        batch: Batch::default(),
        notes: vec![],
        until: Instant::now() + Duration::from_secs(60),
        profiles: false,
    }
}

fn sleeper() -> Child {
    let mut command = Command::new("sleep");
    command.arg("60").stdin(Stdio::null());
    crate::os::process::die_with_parent(&mut command);
    command.spawn().unwrap()
}

fn order() -> Order {
    Order {
        seed: 1,
        length: 1,
        fair_after: 1,
        max_steps: 1,
        step_ns: 100,
        strategy: 5,
        depth: 0,
        flags: 0,
        script: 0,
        memory_every: 0,
        pad: 0,
    }
}

/// One trial; what was looked at, and what came of it.
fn trial(mut server: Server) -> (Vec<How>, Result<Ended, ServerError>) {
    let stop = AtomicBool::new(false);
    let limits = Limits { until: Instant::now() + Duration::from_secs(20), stop: &stop };
    let mut looked = vec![];
    let ended = server.trial(&order(), &[], limits, &mut |ended| looked.push(ended.how));
    (looked, ended)
}

#[test]
fn a_trial_that_ends_by_itself_is_not_looked_at() {
    let (looked, ended) = trial(server(Duration::from_secs(9), |_, say| {
        say(abi::SAYS_STARTED, 999_999_999, 0);
        say(abi::SAYS_ENDED, 999_999_999, 3 << 8);
    }));
    assert_eq!((looked, ended.unwrap().how), (vec![], How::Exited(3)));
}

#[test]
fn a_trial_that_stands_is_looked_at_and_then_killed() {
    let (looked, ended) = trial(server(Duration::from_secs(9), |_, say| {
        let mut child = sleeper();
        say(abi::SAYS_STARTED, child.id() as i32, 0);
        say(abi::SAYS_STANDS, child.id() as i32, i64::from(abi::STANDS_DEADLOCK));
        let status = child.wait().unwrap();
        assert!(!status.success());
        say(abi::SAYS_ENDED, child.id() as i32, 9);
    }));
    let stood = How::Stood(super::super::ended::Stand::Deadlock);
    assert_eq!((looked, ended.unwrap().how), (vec![stood], stood));
}

#[test]
fn a_silent_trial_is_over_at_its_timeout() {
    let (looked, ended) = trial(server(Duration::from_millis(60), |_, say| {
        let mut child = sleeper();
        say(abi::SAYS_STARTED, child.id() as i32, 0);
        child.wait().unwrap();
        say(abi::SAYS_ENDED, child.id() as i32, 9);
    }));
    assert_eq!((looked, ended.unwrap().how), (vec![How::Silent], How::Silent));
}

#[test]
fn nonsense_and_a_lack_lose_the_trial_and_nothing_else() {
    let (_, ended) = trial(server(Duration::from_secs(9), |_, say| {
        say(abi::SAYS_STARTED, 999_999_999, 0);
        say(abi::SAYS_STANDS, 999_999_999, 77);
    }));
    assert!(ended.unwrap_err().to_string().contains("77"));
    let (_, ended) = trial(server(Duration::from_secs(9), |_, say| {
        say(4711, 0, 0);
        say(abi::SAYS_LACKS, 0, abi::LACKS_FORK | i64::from(libc::EAGAIN) << 32);
    }));
    assert!(ended.unwrap_err().to_string().contains("temporarily"));
}
