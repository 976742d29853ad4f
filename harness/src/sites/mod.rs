//! Where scheduling points can be put into a program's machine code.
//!
//! The controlled lane stops a thread at atomic instructions, at `pause` and at the memory accesses
//! that it chose. It changes those instructions in the running target, and a change in the middle
//! of an instruction, or in data that merely looks like one, breaks the target in a way that looks
//! like its own bug. So an instruction is named only if everything that the file says agrees on
//! where it begins:
//!
//! - Code is looked for in the functions of the unwind tables and of sized function symbols alone.
//! - A function is decoded from its first byte to its last, and left out as a whole if that does not
//!   come out even, if a direct branch from anywhere in the file leads into the middle of an
//!   instruction, if a table of addresses names such a middle, if its ranges contradict each other, or if something in it looks like data:
//!   an address in it that is read or taken, two zero bytes as an instruction, or a place that no
//!   path of execution leads to.
//!
//! What was left out is counted. Nothing is ever guessed; that is why the code of a hand-written
//! assembly routine without unwind table and symbol is not looked at.

mod cache;
mod image;
mod instruction;
mod marks;
mod process;
mod ranges;
mod spin;
mod sweep;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use standstill_scheduler::abi::Site;

pub use cache::Cache;
pub use process::{Module, Modules, modules_of};

/// Which instructions are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Want {
    /// Atomic read-modify-writes: `SITE_RMW`.
    pub rmw: bool,
    /// The marks of spin loops: `pause`, `SITE_PAUSE`, and the load of a loop that only waits,
    /// `SITE_SPIN`.
    pub pauses: bool,
    /// Plain accesses to memory that may be shared: `SITE_LOAD`, `SITE_STORE`, `SITE_PLAIN_RMW`.
    ///
    /// Not those relative to the stack or frame pointer, to a thread's own memory (fs, gs), or to
    /// memory of the file that is read-only once it is linked.
    pub memory: bool,
}

/// What a file has to offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The instructions, by address; addresses are those of the file itself.
    ///
    /// A displacement at `relative_at` counts from the end of the instruction, which is not where
    /// the displacement ends if an immediate follows. `bt*` with a register as bit number reaches
    /// beyond the operand that is told here.
    pub sites: Vec<Site>,
    /// What could not be vouched for.
    pub left_out: LeftOut,
    /// All functions of the file, those left out included.
    pub functions: usize,
}

/// What was left out: functions by reason, and single instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Functions with bytes that are no instruction.
    pub invalid: usize,
    /// Functions whose last instruction reaches beyond their end.
    pub ragged: usize,
    /// Functions with an instruction into whose middle a direct branch or another range's border
    /// leads.
    pub misaligned: usize,
    /// Functions that contradict each other about where one ends.
    pub overlapping: usize,
    /// Functions that seem to have data in them.
    pub data: usize,
    /// Functions with a place that nothing leads to, so that it may be data.
    pub unreached: usize,
    /// Functions that lie outside, or partly outside, the file's executable sections.
    pub outside: usize,
    /// Wanted instructions of good functions whose operands a [`Site`] cannot tell: 32-bit
    /// addresses, or the stack pointer as a value.
    pub instructions: usize,
}

impl LeftOut {
    /// All functions that were left out.
    pub fn functions(&self) -> usize {
        self.invalid
            + self.ragged
            + self.misaligned
            + self.overlapping
            + self.data
            + self.unreached
            + self.outside
    }
}

/// Why a file was not searched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is not an ELF file, or a damaged one.
    #[error("not a well-formed 64-bit elf file: {0}")]
    Elf(#[from] object::Error),
    /// It is made for another processor, or neither a program nor a library.
    #[error("not a program or shared library for x86-64")]
    Foreign,
    /// Its unwind tables make no sense, so that nothing is known about its functions.
    #[error("damaged unwind tables: {0}")]
    Tables(gimli::Error),
    /// It could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Finds all instructions of an ELF file that are wanted and safe.
pub fn find(file: &[u8], want: Want) -> Result<Found, Error> {
    Ok(sweep::survey(file, want)?.into_found())
}

/// The sites as they lie in a process, in which the file is `load_bias` above its own addresses.
///
/// A `target` that the instruction holds as an absolute address stays: the loader does not move it.
pub fn place(found: &Found, load_bias: u64) -> Vec<Site> {
    let place = |site: &Site| {
        let moved = if site.relative_at == 0 { 0 } else { load_bias };
        Site {
            address: site.address.wrapping_add(load_bias),
            target: site.target.wrapping_add(moved),
            ..*site
        }
    };
    found.sites.iter().map(place).collect()
}
