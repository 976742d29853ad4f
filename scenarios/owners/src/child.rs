//! One process that hangs.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::truth::{Line, Lock};

/// How long a hang may take to stand.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process that stands, and ends when this is dropped.
pub struct Hang {
    child: Child,
    /// How it is built, in its own words.
    pub about: String,
    /// The truth.
    pub locks: Vec<Lock>,
}

impl Hang {
    /// Starts `bin` and waits until all who are to wait do.
    pub fn start(bin: &Path, kind: &str, seed: u64) -> Result<Hang, String> {
        let mut command = Command::new(bin);
        command.arg(kind).arg(seed.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn().map_err(|e| format!("{}: {e}", bin.display()))?;
        let mut hang = Hang { child, about: String::new(), locks: vec![] };
        hang.listen()?;
        let begun = Instant::now();
        // Twice in a row: a thread may pass through a futex on its way.
        let mut times = 0;
        while times < 2 {
            if begun.elapsed() > PATIENCE {
                return Err(format!("it does not come to stand\n  {}", hang.about));
            }
            std::thread::sleep(Duration::from_millis(2));
            let waiters = || hang.locks.iter().flat_map(|lock| &lock.waiters);
            times = if waiters().all(|tid| hang.is_in_futex(*tid)) { times + 1 } else { 0 };
        }
        Ok(hang)
    }

    /// Its process.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Reads the truth. A hang that fails to say it ends, or is stopped by whoever runs this.
    fn listen(&mut self) -> Result<(), String> {
        let Some(stdout) = self.child.stdout.take() else { return Err("no stdout".to_owned()) };
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(|e| e.to_string())?;
            match serde_json::from_str(&line).map_err(|e| format!("{e}: {line}"))? {
                Line::About(about) => self.about = about,
                Line::Lock(lock) => self.locks.push(lock),
                Line::Ready(_) => return Ok(()),
            }
        }
        Err("it ended instead of hanging".to_owned())
    }

    fn is_in_futex(&self, tid: i32) -> bool {
        let call = std::fs::read_to_string(format!("/proc/{}/task/{tid}/syscall", self.pid()));
        call.is_ok_and(|call| call.starts_with(&format!("{} ", libc::SYS_futex)))
    }
}

impl Drop for Hang {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
