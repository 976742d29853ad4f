//! Bounded queue: a producer waits for room, its consumer for the producer's word to begin.
//!
//! No hand-shake is needed: the queue holds one item fewer than the producer puts in before it gives
//! its word, and the consumer takes none before it has it. In the look-alike the queue holds them
//! all. In the natural version the consumer takes what it happens to find before it waits for the
//! word, which is enough if it comes late.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use standstill_kit::{Kind, Scenario};

use crate::pairs::Pairs;

const CLAIM: &str = "This function will block until space in the internal buffer becomes available \
                     or a receiver is available to hand off the message to.";
const SOURCE: &str = "https://doc.rust-lang.org/std/sync/mpsc/struct.SyncSender.html#method.send";

/// What the producer puts in before it gives its word.
const ITEMS: usize = 4;

/// A queue of items beside a line for the word to begin; each end until it is taken.
struct Belt {
    producer: Mutex<Option<(SyncSender<usize>, SyncSender<()>)>>,
    consumer: Mutex<Option<(Receiver<usize>, Receiver<()>)>>,
}

impl Belt {
    fn new(room: usize) -> Belt {
        let ((items, queue), (word, words)) = (sync_channel(room), sync_channel(1));
        Belt {
            producer: Mutex::new(Some((items, word))),
            consumer: Mutex::new(Some((queue, words))),
        }
    }

    fn produce(&self) {
        let (items, word) = self.producer.lock().unwrap().take().expect("one producer");
        (0..ITEMS).for_each(|i| items.send(i).unwrap());
        word.send(()).unwrap();
    }

    /// Takes items after the producer's word, and before it what it finds in so many looks.
    fn consume(&self, looks: usize) -> usize {
        let (queue, words) = self.consumer.lock().unwrap().take().expect("one consumer");
        let taken = (0..looks).filter(|_| queue.try_recv().is_ok()).count();
        words.recv().unwrap();
        taken + queue.iter().count()
    }
}

/// The queue holds one item too few.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("bounded_queue")
        .about("a producer fills a queue for a consumer that waits to be told; needs 2 actors")
        .contract(CLAIM, SOURCE)
        .finds(Kind::Deadlock)
        .trials(5)
        .setup(|_, info| Pairs::new(info, || Belt::new(ITEMS - 1)))
        .actor(|belts, me| match belts.of(me) {
            Some((belt, 0)) => belt.produce(),
            Some((belt, _)) => drop(belt.consume(0)),
            None => {}
        })
        .build()
}

/// The same with the channel of the crossbeam crate.
pub(crate) fn crossbeam() -> Scenario {
    use crossbeam_channel::bounded;
    Scenario::new("bounded_queue_crossbeam")
        .about("a producer fills a crossbeam queue for a consumer that waits to be told; needs 2")
        .contract(
            "If the channel is full and not disconnected, this call will block until the send \
             operation can proceed.",
            "https://docs.rs/crossbeam-channel/0.5/crossbeam_channel/struct.Sender.html#method.send",
        )
        .finds(Kind::Deadlock)
        .trials(5)
        .setup(|_, info| Pairs::new(info, || (bounded(ITEMS - 1), bounded(1))))
        .actor(|belts, me| match belts.of(me) {
            Some((((items, _), (word, _)), 0)) => {
                (0..ITEMS).for_each(|i| items.send(i).unwrap());
                word.send(()).unwrap();
            }
            Some((((_, queue), (_, words)), _)) => {
                words.recv().unwrap();
                (0..ITEMS).for_each(|i| assert_eq!(queue.recv(), Ok(i)));
            }
            None => {}
        })
        .build()
}

/// The consumer makes room if it comes late enough.
pub(crate) fn natural() -> Scenario {
    Scenario::new("bounded_queue_natural")
        .about("a consumer takes what it finds, then waits to be told before it takes the rest")
        .contract(CLAIM, SOURCE)
        .may_find(Kind::Deadlock, "the natural version of controls/bounded_queue")
        .setup(|_, info| Pairs::new(info, || Belt::new(ITEMS - 1)))
        .actor(|belts, me| match belts.of(me) {
            Some((belt, 0)) => belt.produce(),
            Some((belt, _)) => drop(belt.consume(5000)),
            None => {}
        })
        .build()
}

/// The queue holds all.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("bounded_queue_look_alike")
        .about("a producer fills a queue that is large enough for a consumer that waits to be told")
        .setup(|_, info| Pairs::new(info, || Belt::new(ITEMS)))
        .actor(|belts, me| match belts.of(me) {
            Some((belt, 0)) => belt.produce(),
            Some((belt, _)) => assert_eq!(belt.consume(0), ITEMS),
            None => {}
        })
        .build()
}
