//! The memory around what threads wait for, as raw facts: what it amounts to is for the wait-for
//! graph.

use serde::{Deserialize, Serialize};

/// How many words of memory are kept on each side of a waited-for address.
pub const AROUND: u64 = 8;

/// An address that some thread waits on, and what was found there and about it while the process
/// was stopped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The futex.
    pub address: u64,
    /// Where it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The 64-bit words of memory from `address`, rounded down to a multiple of eight, minus
    /// 8 [`AROUND`] on, up to 2 [`AROUND`] of them; empty if they could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub around: Vec<u64>,
    /// Whether other processes may map the same memory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// Whether ids in it may be those of another pid namespace: it is shared, and processes of others
    /// are about.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ambiguous: bool,
    /// Threads of other processes that the memory may name as owners; none unless it is shared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outsiders: Vec<Outsider>,
    /// Where words of `around` point to, if that is memory too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pointees: Vec<Pointee>,
    /// Where on stacks the address itself, one a little before it, or one of the pointers in
    /// `around` was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Mention>,
}

/// A thread of another process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outsider {
    /// The thread.
    pub tid: i32,
    /// Its process.
    pub pid: i32,
    /// The name of the process.
    pub name: String,
}

/// Memory that a word near a futex points to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointee {
    /// The address.
    pub address: u64,
    /// The 64-bit word there, from the address on.
    pub value: u64,
    /// Where it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// An address found on a thread's stack, or in its registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// What was found.
    pub value: u64,
    /// Whose stack.
    pub tid: i32,
    /// The frame in whose part of the stack it lies, by its place in the thread's `frames` (the
    /// outermost of those inlined into one another); none for the registers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<usize>,
    /// Where it lay; 0 for a register.
    pub at: u64,
    /// Not on the stack, but in the code of the frame's function, which refers to it: compilers need
    /// not write down the address of a static.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_code: bool,
}

/// Where an address lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "in")]
pub enum Place {
    /// In an object with a name.
    Symbol {
        /// Demangled.
        name: String,
        /// Bytes from its beginning.
        offset: u64,
        /// The file that holds it.
        module: String,
    },
    /// In a module's writable data, without a name.
    Module {
        /// The file.
        module: String,
        /// Address in the file's own terms.
        address: u64,
    },
    /// On the stack of a thread.
    Stack {
        /// Which.
        tid: i32,
    },
    /// In a thread's descriptor or thread-local storage.
    Tls {
        /// Which.
        tid: i32,
    },
    /// In the heap that `brk` grows, or an anonymous mapping.
    Heap {
        /// The allocation, where malloc's own lists say it: begin and size in bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        allocation: Option<(u64, u64)>,
    },
    /// In a file or shared memory that is mapped.
    Mapping {
        /// Its name.
        path: String,
    },
}
