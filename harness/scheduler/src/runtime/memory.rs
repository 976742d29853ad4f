//! Which memory other processes share: a futex there is not ours to model.
//!
//! libstdc++ waits for the initialiser of a static with a futex that is not marked private, on memory
//! that is. The kernel knows: the fourth letter of a mapping's permissions (proc_pid_maps(5)).

use core::sync::atomic::{AtomicUsize, Ordering::*};

use super::sys;

/// Pages whose answer is remembered; bit 0 of an entry says private.
const REMEMBERED: usize = 4096;

static PAGES: [AtomicUsize; REMEMBERED] = [const { AtomicUsize::new(0) }; REMEMBERED];

/// Whether the mapping of this address is private to the process. An address that is not found
/// counts as shared. A page that was mapped anew as something else is told as it was before.
pub(super) fn is_private(address: usize) -> bool {
    let page = address & !0xfff;
    let entry = &PAGES[(page >> 12) % REMEMBERED];
    let known = entry.load(Relaxed);
    if known & !1 == page {
        return known & 1 == 1;
    }
    let private = look_up(address).unwrap_or(false);
    entry.store(page | usize::from(private), Relaxed);
    private
}

/// One pass over /proc/self/maps with a small buffer: lines begin `start-end rwxp`.
fn look_up(address: usize) -> Option<bool> {
    // SAFETY: the path is a C string.
    let fd = unsafe { sys::call(sys::OPEN, [c"/proc/self/maps".as_ptr() as usize, 0, 0, 0, 0, 0]) };
    let mut line = Line::default();
    let mut text = [0u8; 1024];
    let answer = loop {
        let args = [fd as usize, text.as_mut_ptr() as usize, text.len(), 0, 0, 0];
        // SAFETY: the buffer is as long as said.
        let got = unsafe { sys::call(sys::READ, args) };
        let Some(got) = usize::try_from(got).ok().filter(|got| *got > 0) else { break None };
        if let Some(private) = text[..got].iter().find_map(|&byte| line.take(byte, address)) {
            break Some(private);
        }
    };
    // SAFETY: closes what was opened.
    unsafe { sys::call(sys::CLOSE, [fd as usize, 0, 0, 0, 0, 0]) };
    answer
}

/// A line read so far.
#[derive(Default)]
struct Line {
    numbers: [usize; 2],
    which: usize,
    letters: usize,
}

impl Line {
    /// Takes the next byte; answers when it is the sharing letter of the line of this address.
    fn take(&mut self, byte: u8, address: usize) -> Option<bool> {
        match (byte, self.which) {
            (b'\n', _) => *self = Line::default(),
            (b'-', 0) => self.which = 1,
            (b' ', 1) => self.which = 2,
            (digit, which @ (0 | 1)) => {
                let value = (digit as char).to_digit(16).unwrap_or(0) as usize;
                self.numbers[which] = self.numbers[which] << 4 | value;
            }
            (letter, 2) => {
                self.letters += 1;
                if self.letters == 4 {
                    self.which = 3;
                    let [from, to] = self.numbers;
                    return (from..to).contains(&address).then_some(letter == b'p');
                }
            }
            _ => {}
        }
        None
    }
}
