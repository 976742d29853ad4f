//! Copies the memory around what threads wait for, and finds who else knows of it.
//!
//! A lock of std does not say who has it. But whoever has a guard has the lock's address, and most
//! guards lie on a stack: a conservative scan, as a garbage collector would make it, finds them, and
//! whatever else looks like that address. What a mention is worth is for the wait-for graph to say.

use std::collections::{BTreeSet, HashMap};

use super::malloc::Heaps;
use super::maps::Maps;
use super::modules::{AddressSpace, Binaries};
use super::stack;
use super::stop::ThreadState;
use super::tasks;
use super::unwind::Call;
use super::word::{AROUND, Mention, Outsider, Place, Pointee, Word};
use crate::observation::Wait;

/// How many mentions of one value are kept for each thread: more say nothing else.
const MENTIONS: usize = 16;
/// How much of a function's code is looked through.
const CODE: u64 = 64 * 1024;
/// Parts of a lock before the word that is waited on: `RwLock` of std, barriers and rwlocks of
/// glibc.
const BEFORE: [u64; 4] = [0, 4, 8, 12];
/// How far below the thread pointer thread-local variables are looked for, and above it the
/// descriptor of glibc.
const TLS: (u64, u64) = (0x4000, 0x1000);

/// Reads, while the process stands still, the memory around the futexes that are waited on.
pub(super) fn copy(witness: i32, waits: impl Iterator<Item = Wait>, maps: &Maps) -> Vec<Word> {
    let mut known = BTreeSet::new();
    let futexes = waits.filter_map(|wait| match wait {
        Wait::Futex { addr, val, .. } => Some((addr, val)),
        _ => None,
    });
    let new = futexes.filter(|(address, _)| known.insert(*address)).collect::<Vec<_>>();
    new.into_iter().map(|(address, val)| copy_one(witness, address, val, maps)).collect()
}

fn copy_one(witness: i32, address: u64, val: u32, maps: &Maps) -> Word {
    let mut word = Word { address, ..Word::default() };
    let start = (address & !7).saturating_sub(8 * AROUND);
    let end = start.saturating_add(16 * AROUND);
    let mut bytes = stack::copy(witness, start..end);
    let mapping = maps.at(address);
    if let (true, Some(mapping)) = (bytes.is_empty(), mapping) {
        // It lies at the very beginning of its mapping, as what is put into shared memory often does.
        let begin = mapping.range.start.clamp(start, end);
        bytes = vec![0; (begin - start) as usize];
        bytes.extend(stack::copy(witness, begin..end));
    }
    let whole = bytes.chunks_exact(8);
    word.around = whole.map(|b| b.try_into().map_or(0, u64::from_le_bytes)).collect();
    word.shared = mapping.is_some_and(|mapping| mapping.shared);
    // parking_lot waits on a word of the thread's own, near a pointer to the lock; that word is 1.
    let pointers = word.around.iter().filter(|_| val == 1);
    let mut pointers: Vec<u64> = pointers.copied().filter(|p| is_data(*p, maps)).collect();
    pointers.sort_unstable();
    pointers.dedup();
    for address in pointers {
        let bytes = stack::copy(witness, address..address.saturating_add(8));
        let mut value = [0; 8];
        value[..bytes.len()].copy_from_slice(&bytes);
        let value = u64::from_le_bytes(value);
        word.pointees.push(Pointee { address, value, place: None });
    }
    word
}

/// The threads of other processes whose ids stand where mutexes of glibc, robust ones and others, name
/// their owner. For memory that is shared with other processes.
pub(super) fn outsiders(pid: i32, word: &Word) -> Vec<Outsider> {
    /// `FUTEX_TID_MASK` of `linux/futex.h`.
    const TID_MASK: u32 = 0x3fff_ffff;
    const OWNER: u64 = 8;

    let start = (word.address & !7).saturating_sub(8 * AROUND);
    let id = |offset: u64| {
        let at = word.address.saturating_add(offset);
        let whole = *word.around.get(usize::try_from((at & !7).checked_sub(start)? / 8).ok()?)?;
        let half = if at & 4 == 0 { whole as u32 } else { (whole >> 32) as u32 };
        i32::try_from(half & TID_MASK).ok()
    };
    let ids = [0, OWNER].into_iter().filter_map(id);
    let known = ids.filter_map(|tid| {
        let (process, name) = tasks::process_of(tid)?;
        (process != pid).then_some(Outsider { tid, pid: process, name })
    });
    known.collect()
}

fn is_data(address: u64, maps: &Maps) -> bool {
    maps.at(address).is_some_and(|m| m.writable)
}

/// Where the memory of a thread's own lies.
pub(super) struct Bounds {
    pub(super) tid: i32,
    /// From its stack pointer to the outermost call that was found.
    pub(super) stack: std::ops::Range<u64>,
    /// Its thread pointer.
    pub(super) tls: u64,
}

/// What the addresses stand for, and where on stacks they are found.
pub(super) struct Finder<'a> {
    pub(super) space: &'a AddressSpace,
    pub(super) maps: &'a Maps,
    witness: i32,
    /// Which words look for a value.
    wanted: HashMap<u64, Vec<usize>>,
    words: Vec<Word>,
    /// Those of the wanted values that are in the data of a module.
    statics: Vec<u64>,
    /// The statics that a function refers to, by its begin: where, and which.
    code: HashMap<u64, Vec<(u64, u64)>>,
}

/// Where code refers to one of `statics`, relative to the instruction pointer as all position
/// independent code of x86-64 does: four bytes of distance from the end of the instruction, which
/// may have an immediate operand behind them. A chance match is one in four thousand million.
fn references(start: u64, code: &[u8], statics: &[u64]) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    for (offset, bytes) in code.windows(4).enumerate() {
        let distance = i32::from_le_bytes(bytes.try_into().unwrap_or_default());
        let at = start.wrapping_add(offset as u64);
        for immediate in [0, 1, 4] {
            let target = at.wrapping_add(4 + immediate).wrapping_add_signed(distance.into());
            if statics.contains(&target) {
                found.push((at, target));
            }
        }
    }
    found
}

impl<'a> Finder<'a> {
    pub(super) fn new(
        words: Vec<Word>,
        witness: i32,
        space: &'a AddressSpace,
        maps: &'a Maps,
    ) -> Self {
        let mut wanted: HashMap<u64, Vec<usize>> = HashMap::new();
        for (nth, word) in words.iter().enumerate() {
            let own = BEFORE.iter().map(|before| word.address.saturating_sub(*before));
            // The key of a parked writer of parking_lot is one more than the lock's address.
            let theirs = word.pointees.iter().flat_map(|p| [p.address, p.address & !1]);
            for value in own.chain(theirs).collect::<BTreeSet<_>>() {
                wanted.entry(value).or_default().push(nth);
            }
        }
        let is_static = |value: &u64| space.data_module(*value, maps).is_some();
        let statics = wanted.keys().copied().filter(is_static).collect();
        Finder { space, maps, witness, wanted, words, statics, code: HashMap::new() }
    }

    /// Looks through the live part of a thread's stack and its registers. `frames` says for each call
    /// which of the thread's frames it is.
    pub(super) fn scan(&mut self, tid: i32, state: &ThreadState, calls: &[Call], frames: &[usize]) {
        if self.wanted.is_empty() {
            return;
        }
        let registers = state.registers;
        for value in registers.general.into_iter().chain([registers.fp]) {
            // The arguments of the very wait are no sign of anything.
            if registers.call.is_none_or(|call| !call.arguments.contains(&value)) {
                self.mention(Mention { value, tid, frame: None, at: 0, in_code: false });
            }
        }
        let mut call = 0;
        for (at, value) in state.stack.words(registers.sp, u64::MAX) {
            while calls.get(call + 1).is_some_and(|next| next.sp <= at) {
                call += 1;
            }
            if self.wanted.contains_key(&value) {
                let frame = frames.get(call).copied();
                self.mention(Mention { value, tid, frame, at, in_code: false });
            }
        }
    }

    /// Looks through the code of the functions on a stack, where a lock is a static: its address then
    /// is part of the instructions.
    pub(super) fn scan_code(
        &mut self,
        tid: i32,
        calls: &[Call],
        frames: &[usize],
        binaries: &mut Binaries,
    ) {
        if self.statics.is_empty() {
            return;
        }
        for (call, frame) in calls.iter().zip(frames) {
            let Some(module) = self.space.module(call.lookup) else { continue };
            let own = call.lookup.wrapping_sub(module.bias);
            let symbols = binaries.get_mut(module.binary).map(|binary| &mut binary.symbols);
            let Some((start, size)) = symbols.and_then(|s| s.function(own)) else { continue };
            let start = start.wrapping_add(module.bias);
            let references = self.code.remove(&start).unwrap_or_else(|| {
                let code = stack::copy(self.witness, start..start.wrapping_add(size.min(CODE)));
                references(start, &code, &self.statics)
            });
            for (at, value) in &references {
                let (at, value, frame) = (*at, *value, Some(*frame));
                self.mention(Mention { value, tid, frame, at, in_code: true });
            }
            self.code.insert(start, references);
        }
    }

    fn mention(&mut self, mention: Mention) {
        let Some(words) = self.wanted.get(&mention.value) else { return };
        for &nth in words {
            let mentions = &mut self.words[nth].mentions;
            let same = mentions.iter().rev().take_while(|m| m.tid == mention.tid);
            if same.filter(|m| m.value == mention.value).count() < MENTIONS {
                mentions.push(mention);
            }
        }
    }

    /// The words, with a place for each address.
    pub(super) fn finish(self, threads: &[Bounds], binaries: &mut Binaries) -> Vec<Word> {
        let Finder { space, maps, witness, mut words, .. } = self;
        let mut heaps = Heaps::default();
        let mut place = |address| match place(address, space, maps, threads, binaries)? {
            Place::Heap { .. } => {
                Some(Place::Heap { allocation: heaps.allocation(witness, maps, address) })
            }
            place => Some(place),
        };
        for word in &mut words {
            word.place = place(word.address);
            for pointee in &mut word.pointees {
                pointee.place = place(pointee.address);
            }
        }
        words
    }
}

fn place(
    address: u64,
    space: &AddressSpace,
    maps: &Maps,
    threads: &[Bounds],
    binaries: &mut Binaries,
) -> Option<Place> {
    let mapping = maps.at(address)?;
    let live = |b: &&Bounds| (b.stack.start..b.stack.end).contains(&address);
    if let Some(Bounds { tid, .. }) = threads.iter().find(live) {
        return Some(Place::Stack { tid: *tid });
    }
    if let Some(module) = space.data_module(address, maps) {
        let own = address.wrapping_sub(module.bias);
        let binary = binaries.get_mut(module.binary);
        let name = module.name.clone();
        return Some(match binary.and_then(|binary| binary.symbols.object(own)) {
            Some((object, offset)) => Place::Symbol { name: object, offset, module: name },
            None => Place::Module { module: name, address: own },
        });
    }
    let near =
        |b: &&Bounds| b.tls != 0 && (b.tls.saturating_sub(TLS.0)..b.tls + TLS.1).contains(&address);
    if let Some(Bounds { tid, .. }) = threads.iter().find(near) {
        return Some(Place::Tls { tid: *tid });
    }
    if mapping.path.is_empty() || mapping.path == "[heap]" || mapping.path.starts_with("[anon") {
        return Some(Place::Heap { allocation: None });
    }
    Some(Place::Mapping { path: mapping.path.clone() })
}
