//! A process that prepares once and forks for every order.

use std::os::fd::{FromRawFd, OwnedFd};
use std::process::ExitCode;

use rustix::net::{RecvFlags, SendFlags};
use standstill::board::Board;
use standstill::os::process::{self, Forked, Reap};
use standstill::protocol::{FromZygote, Order, ZYGOTE_FD};

use crate::scenario::{Preparation, Scenario};
use crate::{gate, hooks, run};

/// Prepares, says whether it can fork safely, and serves until the harness hangs up.
pub(crate) fn main(scenario: &Scenario, order: &Order, board: &'static Board) -> ExitCode {
    // SAFETY: the keeper opened this descriptor for this process; nothing else uses the number.
    let socket = unsafe { OwnedFd::from_raw_fd(ZYGOTE_FD) };
    if rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC).is_err() {
        return ExitCode::from(2);
    }
    let socket = Line(socket);
    hooks::watch_panics(board);
    let Some((prepared, _)) = run::prepare(scenario, order, board) else {
        socket.say(&FromZygote::Refused { why: "it failed to prepare".to_owned() });
        return ExitCode::FAILURE;
    };
    let threads = process::thread_count();
    if threads != 1 {
        let why = format!("preparing left {threads} threads, and a fork beside threads can hang");
        socket.say(&FromZygote::Refused { why });
        return ExitCode::FAILURE;
    }
    // Whatever every child would find out for itself.
    gate::cores();
    let mut packet = vec![0; standstill::supervise::PACKET];
    let me = std::process::id() as i32;
    socket.say(&FromZygote::Ready);

    while let Some(order) = socket.next(&mut packet) {
        match process::fork() {
            Ok(Forked::Child) => {
                drop(socket);
                process::bind_to_parent(me);
                let _ = rustix::process::setpgid(None, None);
                hooks::watch_crashes();
                run::carry_out(scenario, &order, board, prepared, Preparation::default(), 0)
            }
            Ok(Forked::Parent { child }) => {
                socket.say(&FromZygote::Started { pid: child });
                match process::reap(Reap::Wait(child)) {
                    Ok(Some((_, ending))) => socket.say(&FromZygote::Ended(ending)),
                    _ => return ExitCode::FAILURE,
                }
            }
            Err(error) => {
                socket.say(&FromZygote::Refused { why: format!("failed to fork: {error}") });
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// The socket to the harness. When it breaks the harness is gone, and so is the reason to be here.
struct Line(OwnedFd);

impl Line {
    fn say(&self, message: &FromZygote) {
        let json = serde_json::to_vec(message).unwrap_or_default();
        if rustix::net::send(&self.0, &json, SendFlags::NOSIGNAL).is_err() {
            process::exit_now(1);
        }
    }

    fn next(&self, packet: &mut [u8]) -> Option<Order> {
        loop {
            match rustix::net::recv(&self.0, &mut *packet, RecvFlags::empty()) {
                Err(rustix::io::Errno::INTR) => {}
                Ok((n, _)) if n > 0 => return serde_json::from_slice(&packet[..n]).ok(),
                _ => return None,
            }
        }
    }
}
