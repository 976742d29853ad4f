//! Channel cycle: two actors talk over two channels, and each listens before it speaks.
//!
//! No hand-shake is needed: neither sends before it has received, so neither ever does; and as both
//! keep their senders, no channel is closed, which would end the wait. In the natural version both
//! let the other begin if it is there already, and both may find that it is. In the look-alike it is
//! settled beforehand who begins.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};

use standstill_kit::{Kind, Scenario};

use crate::pairs::Pairs;

const CLAIM: &str = "This function will always block the current thread if there is no data \
                     available and it's possible for more data to be sent.";
const SOURCE: &str = "https://doc.rust-lang.org/std/sync/mpsc/struct.Receiver.html#method.recv";

/// One side of a conversation.
type Line = (Sender<u32>, Receiver<u32>);

/// Two lines, until each is taken by its actor, and who has come.
struct Call {
    lines: [Mutex<Option<Line>>; 2],
    here: [AtomicBool; 2],
}

impl Call {
    fn new() -> Call {
        let ((to_one, from_zero), (to_zero, from_one)) = (channel(), channel());
        let lines = [(to_one, from_one), (to_zero, from_zero)].map(|line| Mutex::new(Some(line)));
        Call { lines, here: Default::default() }
    }

    fn take(&self, side: usize) -> Line {
        self.lines[side].lock().unwrap().take().expect("each actor takes its own line once")
    }
}

/// Both listen first.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("channel_cycle")
        .about("two actors receive from each other before they send; needs 2 actors")
        .contract(CLAIM, SOURCE)
        .finds(Kind::Deadlock)
        .trials(5)
        .setup(|_, info| Pairs::new(info, Call::new))
        .actor(|calls, me| {
            let Some((call, side)) = calls.of(me) else { return };
            let (speak, listen) = call.take(side);
            let heard = listen.recv().unwrap();
            speak.send(heard + 1).unwrap();
        })
        .build()
}

/// Both let the other begin if it is there.
pub(crate) fn natural() -> Scenario {
    Scenario::new("channel_cycle_natural")
        .about("whoever finds the other in place already lets it begin")
        .contract(CLAIM, SOURCE)
        .may_find(Kind::Deadlock, "the natural version of controls/channel_cycle")
        .setup(|_, info| Pairs::new(info, || (0..20).map(|_| Call::new()).collect::<Vec<_>>()))
        .actor(|calls, me| {
            let Some((calls, side)) = calls.of(me) else { return };
            for call in calls {
                call.here[side].store(true, SeqCst);
                let (speak, listen) = call.take(side);
                if call.here[1 - side].load(SeqCst) {
                    let heard = listen.recv().unwrap();
                    speak.send(heard + 1).unwrap();
                } else {
                    speak.send(1).unwrap();
                    listen.recv().unwrap();
                }
            }
        })
        .build()
}

/// One begins, the other answers.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("channel_cycle_look_alike")
        .about("two actors receive from each other, and one of them has sent before")
        .setup(|_, info| Pairs::new(info, Call::new))
        .actor(|calls, me| {
            let Some((call, side)) = calls.of(me) else { return };
            let (speak, listen) = call.take(side);
            if side == 0 {
                speak.send(0).unwrap();
            }
            for _ in 0..20 {
                let heard = listen.recv().unwrap();
                // The last word has no listener left.
                let _ = speak.send(heard + 1);
            }
        })
        .build()
}
