//! Decodes every function and judges whether what came out can be believed.

use std::ops::Range;

use iced_x86::{Decoder, DecoderError, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind};
use standstill_scheduler::abi::{SITE_RMW, SITE_SPIN, Site};

use super::image::Image;
use super::instruction::{Class, classify};
use super::marks::{Mark, Marks};
use super::ranges::{self, Function};
use super::spin::Recent;
use super::{Error, Found, LeftOut, Want};

/// Why a function is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Invalid,
    Ragged,
    Misaligned,
    Overlapping,
    Data,
    Unreached,
}

/// All functions of a file, and what is wanted of them.
pub(super) struct Survey {
    pub(super) functions: Vec<(Function, Option<Why>)>,
    /// With the index of its function, in the order of both.
    candidates: Vec<(u32, Class)>,
    outside: usize,
}

/// Decodes a whole file.
pub(super) fn survey(file: &[u8], want: Want) -> Result<Survey, Error> {
    let image = Image::parse(file)?;
    let (stated, outside) = ranges::stated(&image)?;
    let mut marks = Marks::new(image.code.iter().map(|code| code.range()));
    for function in &stated {
        marks.set(Mark::Entry, function.range.start);
        marks.set(Mark::Target, function.range.start);
        marks.set(Mark::Target, function.range.end);
    }
    let mut sweep = Sweep {
        image: &image,
        want,
        marks,
        candidates: Vec::new(),
        islands: Vec::new(),
        recent: Recent::new(),
        instruction: Instruction::default(),
    };
    let mut functions: Vec<_> = ranges::merge(stated)
        .into_iter()
        .enumerate()
        .map(|(index, function)| {
            let why = sweep.decode(index as u32, &function);
            (function, why)
        })
        .collect();
    sweep.judge(&mut functions);
    Ok(Survey { functions, candidates: sweep.candidates, outside })
}

impl Survey {
    /// What remains once the functions that cannot be vouched for are gone.
    pub(super) fn into_found(self) -> Found {
        let mut left_out = LeftOut { outside: self.outside, ..LeftOut::default() };
        for (_, why) in &self.functions {
            match why {
                None => continue,
                Some(Why::Invalid) => left_out.invalid += 1,
                Some(Why::Ragged) => left_out.ragged += 1,
                Some(Why::Misaligned) => left_out.misaligned += 1,
                Some(Why::Overlapping) => left_out.overlapping += 1,
                Some(Why::Data) => left_out.data += 1,
                Some(Why::Unreached) => left_out.unreached += 1,
            }
        }
        let mut sites: Vec<Site> = Vec::with_capacity(self.candidates.len());
        for (function, class) in self.candidates {
            match class {
                _ if self.functions[function as usize].1.is_some() => {}
                Class::Site(site) => sites.push(site),
                Class::Unfit => left_out.instructions += 1,
                Class::Unwanted => {}
            }
        }
        // A spin is recognised at its end, when what lies between has been noted.
        sites.sort_by_key(|site| site.address);
        Found { sites, left_out, functions: self.functions.len() + self.outside }
    }
}

struct Sweep<'a> {
    image: &'a Image<'a>,
    want: Want,
    marks: Marks,
    candidates: Vec<(u32, Class)>,
    /// Places that execution does not run into from above and that no branch of their own function
    /// leads to: from the first byte of padding to the first instruction behind it.
    islands: Vec<(u32, Range<u64>)>,
    recent: Recent,
    instruction: Instruction,
}

impl Sweep<'_> {
    /// Decodes one function, and tells what is wrong with it by itself.
    fn decode(&mut self, index: u32, function: &Function) -> Option<Why> {
        if function.overlaps {
            return Some(Why::Overlapping);
        }
        let Some(code) = self.image.code_at(&function.range) else { return Some(Why::Invalid) };
        let [start, end] = [function.range.start, function.range.end]
            .map(|address| (address - code.address) as usize);
        let bytes = &code.bytes[start..end];
        let first_candidate = self.candidates.len();
        let first_island = self.islands.len();
        self.recent.clear();
        let mut jumps_anywhere = function.has_pads;
        // Where the code begins that nothing runs into from above.
        let mut cut = None;
        let mut decoder = Decoder::with_ip(64, bytes, function.range.start, DecoderOptions::NONE);
        let why = loop {
            if !decoder.can_decode() {
                break None;
            }
            decoder.decode_out(&mut self.instruction);
            let instruction = &self.instruction;
            let at = instruction.ip();
            let code = &bytes[(at - function.range.start) as usize..];
            if instruction.is_invalid() {
                let is_cut_off = decoder.last_error() == DecoderError::NoMoreBytes;
                break Some(if is_cut_off { Why::Ragged } else { Why::Invalid });
            }
            // `add [rax], al`: no compiler makes it, and zeros are what data has most of.
            if code[0] == 0 && code[1] == 0 {
                break Some(Why::Data);
            }
            self.marks.set(Mark::Begin, at);
            let mnemonic = instruction.mnemonic();
            let is_padding = matches!(mnemonic, Mnemonic::Nop | Mnemonic::Int3 | Mnemonic::Ud2);
            if !is_padding && let Some(from) = cut.take() {
                self.islands.push((index, from..at + 1));
            }
            match instruction.flow_control() {
                FlowControl::IndirectBranch => {
                    jumps_anywhere = true;
                    cut = cut.or(Some(instruction.next_ip()));
                }
                FlowControl::UnconditionalBranch | FlowControl::Return | FlowControl::Exception => {
                    cut = cut.or(Some(instruction.next_ip()));
                }
                _ if matches!(mnemonic, Mnemonic::Int3 | Mnemonic::Hlt) => {
                    cut = cut.or(Some(instruction.next_ip()));
                }
                _ => {}
            }
            self.note_addresses();
            let offsets = || decoder.get_constant_offsets(&self.instruction);
            let is_writable = |address| self.image.is_writable(address);
            match classify(&self.instruction, code, self.want, offsets, is_writable) {
                Class::Unwanted => {}
                class => self.candidates.push((index, class)),
            }
            if self.want.pauses
                && let Some(load) = self.recent.take(&self.instruction)
            {
                self.spins_at(load, index, bytes, &function.range);
            }
        };
        if why.is_some() {
            self.candidates.truncate(first_candidate);
        }
        // All branches of the function itself are known by now: most islands are none.
        let mut kept = first_island;
        for n in first_island..self.islands.len() {
            let range = self.islands[n].1.clone();
            if !jumps_anywhere && !self.marks.any(range, Mark::Target, None) {
                self.islands.swap(kept, n);
                kept += 1;
            }
        }
        self.islands.truncate(kept);
        why
    }

    /// Makes the load at `load`, in the function at hand, the point of a spin.
    fn spins_at(&mut self, load: u64, index: u32, bytes: &[u8], range: &Range<u64>) {
        let is_it = |site: &Site| site.address == load;
        for (_, class) in self.candidates.iter_mut().rev().take(16) {
            match class {
                Class::Site(site) if is_it(site) => {
                    // A locked instruction is a point by itself.
                    if site.kind != SITE_RMW {
                        site.kind = SITE_SPIN;
                    }
                    return;
                }
                _ => {}
            }
        }
        let code = &bytes[(load - range.start) as usize..];
        let mut decoder = Decoder::with_ip(64, code, load, DecoderOptions::NONE);
        let instruction = decoder.decode();
        let offsets = || decoder.get_constant_offsets(&instruction);
        let want = Want { memory: true, ..Want::default() };
        let class = classify(&instruction, code, want, offsets, |_| true);
        if let Class::Site(site) = class {
            self.candidates.push((index, Class::Site(Site { kind: SITE_SPIN, ..site })));
        }
    }

    /// Marks the addresses in the instruction at hand.
    #[inline]
    fn note_addresses(&mut self) {
        let instruction = &self.instruction;
        if instruction.op0_kind() == OpKind::NearBranch64 {
            let target = instruction.near_branch_target();
            self.marks.set(Mark::Target, target);
            // What is called in the middle of a function is a way to learn one's own address, and
            // what lies behind such a call need not be code.
            if instruction.flow_control() == FlowControl::Call {
                self.marks.set(Mark::Pointed, target);
            }
        } else if instruction.is_ip_rel_memory_operand() {
            self.marks.set(Mark::Pointed, instruction.ip_rel_memory_address());
        } else if instruction.memory_displ_size() >= 4
            && instruction.memory_base() == iced_x86::Register::None
        {
            // A table of a program that is not position-independent.
            self.marks.set(Mark::Pointed, instruction.memory_displacement64());
        }
    }

    /// Tells what is wrong with functions in the light of all others.
    fn judge(&mut self, functions: &mut [(Function, Option<Why>)]) {
        for (index, range) in &self.islands {
            let (_, why) = &mut functions[*index as usize];
            if why.is_none() && !self.marks.any(range.clone(), Mark::Target, None) {
                *why = Some(Why::Unreached);
            }
        }
        // An address in a table is no proof of code, or it would excuse an island; but it must not
        // contradict what was decoded.
        for address in self.image.pointers() {
            self.marks.set(Mark::Target, address);
        }
        for (function, why) in functions.iter_mut().filter(|(_, why)| why.is_none()) {
            let range = &function.range;
            if self.marks.any(range.clone(), Mark::Target, Some(Mark::Begin)) {
                *why = Some(Why::Misaligned);
            } else if self.marks.any(range.clone(), Mark::Pointed, Some(Mark::Entry)) {
                *why = Some(Why::Data);
            }
        }
    }
}
