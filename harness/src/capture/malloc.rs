//! In which allocation an address lies, by the chunks of glibc's malloc (`malloc/malloc.c`,
//! `malloc/arena.c`).
//!
//! Chunks lie one behind the other, each with its size in its second word, from the beginning of a
//! heap to its end. Nothing says that a piece of memory is such a heap; but a walk that starts where
//! the first chunk must be and ends exactly at the end of the mapping has not gone astray. The
//! process runs meanwhile: a walk that goes wrong finds nothing.

use std::collections::HashMap;

use super::maps::{Mapping, Maps};
use super::stack;

/// Bigger heaps are not read: it would take longer than all the rest.
const LIMIT: u64 = 32 * 1024 * 1024;
/// A heap of a thread's arena begins at a multiple of this (`HEAP_MAX_SIZE`).
const ARENA: u64 = 64 * 1024 * 1024;
/// Where the first chunk of an arena can be: behind `heap_info` and `malloc_state`, of which the sizes
/// differ from version to version.
const ARENA_STARTS: [u64; 4] = [0x8b0, 0x8c0, 0x8d0, 0x8e0];
/// The low bits of a size are flags.
const FLAGS: u64 = 7;

/// Heaps that were walked: for each mapping its chunks, if it is a heap.
#[derive(Default)]
pub(super) struct Heaps(HashMap<u64, Option<Vec<u64>>>);

impl Heaps {
    /// Begin and size of the allocation that `address` lies in.
    pub(super) fn allocation(
        &mut self,
        witness: i32,
        maps: &Maps,
        address: u64,
    ) -> Option<(u64, u64)> {
        let mapping = maps.at(address)?;
        let walked = self.0.entry(mapping.range.start);
        let chunks = walked.or_insert_with(|| walk_all(witness, mapping)).as_ref()?;
        let after = chunks.partition_point(|chunk| *chunk <= address);
        let (chunk, next) = (*chunks.get(after.checked_sub(1)?)?, *chunks.get(after)?);
        // The user's part begins behind the two words of the head, and may use the first word of the
        // next chunk's.
        let (begin, size) = (chunk + 16, next - chunk - 8);
        (begin..begin + size).contains(&address).then_some((begin, size))
    }
}

/// The chunks of a mapping and its end, if it is a heap.
fn walk_all(witness: i32, mapping: &Mapping) -> Option<Vec<u64>> {
    let range = &mapping.range;
    let length = range.end - range.start;
    let starts: &[u64] = match () {
        () if mapping.path == "[heap]" => &[0],
        () if mapping.path.is_empty() && range.start.is_multiple_of(ARENA) => &ARENA_STARTS,
        () => return None,
    };
    if length > LIMIT || !mapping.writable {
        return None;
    }
    let memory = stack::copy(witness, range.clone());
    starts.iter().find_map(|start| walk(&memory, *start, range.start))
}

/// The chunks from `start` on, and the end of the memory, if that is where they lead.
fn walk(memory: &[u8], start: u64, base: u64) -> Option<Vec<u64>> {
    let mut chunks = vec![];
    let mut at = start;
    while at < memory.len() as u64 {
        chunks.push(base + at);
        let head = usize::try_from(at + 8).ok()?;
        let size = memory.get(head..head + 8)?.try_into().map(u64::from_le_bytes).ok()? & !FLAGS;
        if size < 16 || !size.is_multiple_of(16) {
            return None;
        }
        at = at.checked_add(size)?;
    }
    chunks.push(base + at);
    (at == memory.len() as u64).then_some(chunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heap(sizes: &[u64]) -> Vec<u8> {
        let chunk = |size: &u64| {
            let mut bytes = vec![0; (*size & !FLAGS) as usize];
            bytes[8..16].copy_from_slice(&size.to_le_bytes());
            bytes
        };
        sizes.iter().flat_map(chunk).collect()
    }

    #[test]
    fn a_walk_that_ends_where_the_memory_does_has_not_gone_astray() {
        let memory = heap(&[0x291, 0x21, 0x1041, 0x20 | 1]);
        let chunks = walk(&memory, 0, 0x1000).unwrap();
        assert_eq!(chunks, [0x1000, 0x1290, 0x12b0, 0x22f0, 0x2310]);
        assert_eq!(walk(&memory[..memory.len() - 16], 0, 0x1000), None);
        assert_eq!(walk(&memory, 8, 0x1000), None);
        assert_eq!(walk(&[0; 64], 0, 0x1000), None);
    }

    #[test]
    fn an_allocation_of_our_own_is_found_with_its_size() {
        let pid = std::process::id() as i32;
        let maps = Maps::parse(&std::fs::read(format!("/proc/{pid}/maps")).unwrap());
        // Which heap it is in depends on the thread and on what ran before: among many, some are found,
        // and none wrongly.
        let boxes: Vec<Box<[u64; 5]>> = (0..64).map(|n| Box::new([n; 5])).collect();
        let mut heaps = Heaps::default();
        for own in &boxes {
            let address = own.as_ptr() as u64;
            if let Some((begin, size)) = heaps.allocation(pid, &maps, address + 8) {
                assert_eq!(begin, address);
                assert!((40..=72).contains(&size), "{size}");
            }
        }
        assert_eq!(heaps.allocation(pid, &maps, maps_of_code(&maps)), None);
    }

    fn maps_of_code(maps: &Maps) -> u64 {
        maps.iter().find(|mapping| mapping.executable).unwrap().range.start
    }
}
