//! Generated programs over a published channel: `tokio::sync::broadcast`, version 1.27.0.
//!
//! Shape: `send`, and the drop of the last `Sender`, wake whoever waits while they hold the channel's
//! lock (`Tail::notify_rx`, tokio/src/sync/broadcast.rs:768). An executor may have forgotten a task that waits, as one does
//! that was shut down; then being woken is the last that happens to the task, it is dropped there and
//! then, and with it goes its `Recv`, which takes the same lock (line 1188). tokio 1.28.0 wakes after
//! the lock was given back (<https://github.com/tokio-rs/tokio/pull/5578>).
//!
//! The look-alike runs the same programs on an executor that keeps every task until the end.

#![forbid(unsafe_code)]

mod executor;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use standstill_kit::proptest::prelude::*;
use standstill_kit::{Builder, Kind, NoActor, Played, Programs, Scenario};
use tokio::sync::broadcast::{self, Receiver, Sender};

use executor::Task;

/// Every scenario of this crate.
pub const ALL: &[fn() -> Scenario] = &[forgetful, look_alike];

/// What goes through the channel: who sent it, and as the how many of its messages.
type Message = (usize, u32);

/// What an actor can do.
#[derive(Clone, Debug)]
enum Call {
    /// Sends the actor's next message.
    Send,
    /// Begins to listen, or listens from now on.
    Subscribe,
    /// Takes what has come, if something has.
    TryReceive,
    /// Begins a task that waits for one message on a receiver of its own.
    Await,
    /// Goes on with the tasks that were woken.
    Turn,
    /// Has the executor forget the latest task.
    Forget,
}

/// What all actors of a trial share.
struct Channel {
    sender: Sender<Message>,
    /// Tasks that outlive their actors; none where the executor forgets.
    kept: Mutex<Vec<Arc<Task>>>,
}

/// What an actor has for itself.
struct Local {
    me: usize,
    sent: u32,
    receiver: Option<Receiver<Message>>,
    tasks: Vec<Arc<Task>>,
}

/// An executor that forgets: fails as soon as somebody sends after that.
fn forgetful() -> Scenario {
    let scenario = Scenario::new("generated_broadcasts")
        .about("generated calls on one broadcast channel, with tasks that their executor forgets")
        .may_find(
            Kind::SelfDeadlock,
            "https://github.com/tokio-rs/tokio/pull/5578: send(), and the end of the channel, wake under its lock",
        );
    programs(scenario)
        .play(local, |channel, own, call| play(channel, own, call, false))
        .check(in_order)
        .build()
}

/// The same programs, and no task is dropped before the channel.
fn look_alike() -> Scenario {
    let scenario = Scenario::new("generated_broadcasts_look_alike")
        .about("generated calls on one broadcast channel, with tasks that their executor keeps")
        .control_of("generated_broadcasts", "an executor that keeps its tasks");
    programs(scenario)
        .play(local, |channel, own, call| play(channel, own, call, true))
        .check(in_order)
        .build()
}

fn programs(scenario: Builder<(), (), NoActor>) -> Programs<(), Channel, Call> {
    let call = || {
        prop_oneof![
            3 => Just(Call::Send),
            1 => Just(Call::Subscribe),
            2 => Just(Call::TryReceive),
            2 => Just(Call::Await),
            1 => Just(Call::Turn),
            1 => Just(Call::Forget),
        ]
    };
    scenario
        .contract(
            "A multi-producer, multi-consumer broadcast queue. [...] Sender: Clone, Send, Sync",
            "tokio 1.27.0, tokio::sync::broadcast",
        )
        .threads([1, 2, 4])
        .counts_steps()
        .setup(|(), _| Channel { sender: broadcast::channel(4).0, kept: Mutex::default() })
        .programs(call, 1..=6)
}

fn local(_: &Channel, me: usize) -> Local {
    Local { me, sent: 0, receiver: None, tasks: vec![] }
}

/// What the call received, if it did.
fn play(channel: &Channel, own: &mut Local, call: &Call, keeps: bool) -> Option<Message> {
    match call {
        Call::Send => {
            // That nobody listens is no failure.
            _ = channel.sender.send((own.me, own.sent));
            own.sent += 1;
        }
        Call::Subscribe => own.receiver = Some(channel.sender.subscribe()),
        Call::TryReceive => return own.receiver.as_mut()?.try_recv().ok(),
        Call::Await => {
            let mut receiver = channel.sender.subscribe();
            let task = Task::new(async move { _ = receiver.recv().await });
            task.poll();
            if keeps {
                channel.kept.lock().expect("nobody panics").push(task.clone());
            }
            own.tasks.push(task);
        }
        Call::Turn => own.tasks.retain(|task| !task.was_woken() || !task.poll()),
        Call::Forget => drop(own.tasks.pop()),
    }
    None
}

/// Each receiver hears what one sender says in the order in which it was said.
fn in_order(_: &Channel, played: &[Played<'_, Call, Option<Message>>]) -> Result<(), String> {
    for (listener, actor) in played.iter().enumerate() {
        let mut last = BTreeMap::new();
        for (sender, nth) in actor.results.iter().flatten() {
            match last.insert(*sender, *nth) {
                Some(before) if before >= *nth => {
                    return Err(format!(
                        "actor {listener} received message {nth} of actor {sender} after {before}"
                    ));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
