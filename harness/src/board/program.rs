//! Where a trial writes down what was generated for its actors, before the gate opens.
//!
//! One thread writes it once, and whoever reads it reads a claim: what does not parse is no program.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU8, AtomicU32};

use crate::program::Program;

/// The longest program, in bytes of its JSON; longer ones are told with fewer words.
const ROOM: usize = 32 * 1024;

/// A program, or nothing.
#[repr(C)]
pub struct Sheet {
    len: AtomicU32,
    bytes: [AtomicU8; ROOM],
}

impl Sheet {
    /// Writes down what the actors are about to do. One that does not even fit without its words is
    /// left out.
    pub fn write(&self, program: &Program) {
        let Some(json) = program.to_json(ROOM) else { return };
        for (cell, byte) in self.bytes.iter().zip(json.bytes()) {
            cell.store(byte, Relaxed);
        }
        self.len.store(json.len() as u32, Release);
    }

    /// What was written down.
    pub fn read(&self) -> Option<Program> {
        let len = (self.len.load(Acquire) as usize).min(ROOM);
        let bytes: Vec<u8> = self.bytes[..len].iter().map(|byte| byte.load(Relaxed)).collect();
        serde_json::from_slice(&bytes).ok()
    }

    /// Forgets it. Only while no process of the last trial lives.
    pub(super) fn reset(&self) {
        self.len.store(0, Release);
    }
}

#[cfg(test)]
mod tests {
    use crate::board::Board;
    use crate::program::{Call, Part, Program};

    #[test]
    fn what_is_written_down_is_read_until_it_is_forgotten() {
        let board = Board::create("test").unwrap();
        assert_eq!(board.program.read(), None);
        let calls = (0..1000).map(|number| Call { number, text: "x".repeat(8) }).collect();
        let program = Program { seed: 7, actors: vec![Part { actor: 0, calls }] };
        board.program.write(&program);
        // Without its words, as it does not fit with them.
        assert_eq!(board.program.read().map(|read| read.wanted()), Some(program.wanted()));
        board.program.len.store(5, super::Release);
        assert_eq!(board.program.read(), None, "half of it is no program");
        board.reset();
        assert_eq!(board.program.read(), None);
    }
}
