//! Livelock: two actors run for ever and undo each other's claim on one word.
//!
//! An actor claims the word by compare-exchange, from its rival too, and may keep it once the rival
//! has looked twice and let it stand. The control's rivals never do: between any two of its looks a
//! rival takes away whatever claim it finds, so that who hears of the second look has lost its claim
//! already. That holds for every schedule, with one core as with two, and whoever has lost a claim is
//! not waiting, so both run for ever. A step is made only with a claim that stood. The look-alike
//! contends for the same word, and who has it gives it back.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use standstill_kit::{Actor, Kind, Scenario};

use crate::pairs::Pairs;

const NOBODY: usize = 2;

/// A word that one side may own.
struct Word {
    owner: AtomicUsize,
    looks: [AtomicU64; 2],
    here: AtomicUsize,
}

impl Word {
    fn new() -> Word {
        Word { owner: NOBODY.into(), looks: Default::default(), here: 0.into() }
    }

    fn claim(&self, side: usize, from: usize) -> bool {
        self.owner.compare_exchange(from, side, SeqCst, SeqCst).is_ok()
    }

    /// Claims the word, from the rival too, until a claim has stood two looks of the rival.
    fn claim_ruthlessly(&self, side: usize) {
        let (rival, mine, theirs) = (1 - side, &self.looks[side], &self.looks[1 - side]);
        loop {
            let _ = self.claim(side, NOBODY) || self.claim(side, rival);
            let since = theirs.load(SeqCst);
            while self.owner.load(SeqCst) == side {
                if theirs.load(SeqCst) >= since + 2 && self.owner.load(SeqCst) == side {
                    return;
                }
                std::thread::yield_now();
            }
            mine.fetch_add(1, SeqCst);
        }
    }

    /// Claims the word unless the rival wants it as well; backs off for as long as the rival does.
    fn claim_politely(&self, side: usize) {
        loop {
            self.here.fetch_or(1 << side, SeqCst);
            if self.here.load(SeqCst) == 1 << side {
                return;
            }
            self.here.fetch_and(!(1 << side), SeqCst);
            (0..100).for_each(|_| std::hint::spin_loop());
        }
    }

    fn leave(&self, side: usize) {
        self.here.fetch_and(!(1 << side), SeqCst);
    }
}

/// Each takes away what the other has claimed.
pub(crate) fn ordered() -> Scenario {
    Scenario::new("livelock_cas")
        .about("two actors take each other's claim on a word away for ever; needs 2 actors")
        .finds(Kind::Livelock)
        .counts_steps()
        .threads([2])
        .trials(5)
        .timeout(Duration::from_secs(1))
        .setup(|_, info| Pairs::new(info, Word::new))
        .actor(|words, me: &Actor<'_>| {
            let Some((word, side)) = words.of(me) else { return };
            word.claim_ruthlessly(side);
            me.step();
        })
        .build()
}

/// Two who step back from one another in step meet again and again, until chance parts them.
pub(crate) fn natural() -> Scenario {
    Scenario::new("livelock_cas_natural")
        .about("two actors back off from each other for equally long")
        .may_find(Kind::Livelock, "the natural version of controls/livelock_cas")
        .counts_steps()
        .timeout(Duration::from_secs(4))
        .setup(|_, info| Pairs::new(info, Word::new))
        .actor(|words, me| {
            let Some((word, side)) = words.of(me) else { return };
            for _ in 0..50 {
                word.claim_politely(side);
                me.step();
                word.leave(side);
            }
        })
        .build()
}

/// Who has the word gives it back, and others try until then.
pub(crate) fn look_alike() -> Scenario {
    Scenario::new("livelock_cas_look_alike")
        .about("two actors spin for a word that each gives back after use")
        .counts_steps()
        .setup(|_, info| Pairs::new(info, Word::new))
        .actor(|words, me| {
            let Some((word, side)) = words.of(me) else { return };
            for _ in 0..200 {
                while !word.claim(side, NOBODY) {
                    std::thread::yield_now();
                }
                word.looks[0].store(word.looks[0].load(SeqCst) + 1, SeqCst);
                word.owner.store(NOBODY, SeqCst);
                me.step();
            }
        })
        .check(|words, _| match words.iter().find(|word| word.looks[0].load(SeqCst) != 400) {
            None => Ok(()),
            Some(word) => Err(format!("{} claims of 400", word.looks[0].load(SeqCst))),
        })
        .build()
}
