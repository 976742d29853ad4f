//! Where functions begin and end: `.eh_frame`, which is there even in a stripped file because
//! exceptions and backtraces need it, and the function symbols that have a size.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use gimli::{
    BaseAddresses, CieOrFde, CommonInformationEntry, EhFrame, LittleEndian, UnwindSection,
};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

use super::Error;
use super::image::{Elf, Image};

/// A stretch of code that is said to be one function, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) range: Range<u64>,
    /// It has landing pads: places that only the unwinder jumps to.
    pub(super) has_pads: bool,
    /// It contradicts another one.
    pub(super) overlaps: bool,
}

/// All that the file says, each as it says it, and how many lie outside its code.
pub(super) fn stated(image: &Image<'_>) -> Result<(Vec<Function>, usize), Error> {
    let mut functions = from_tables(&image.elf).map_err(Error::Tables)?;
    functions.extend(from_symbols(&image.elf));
    functions.retain(|f| !f.range.is_empty());
    // The linker has dropped these and could not drop what is said about them.
    functions.retain(|f| f.range.start != 0);
    let before = functions.len();
    functions.retain(|f| image.code_at(&f.range).is_some());
    let outside = before - functions.len();
    functions.retain(|f| image.code_at(&f.range).is_some_and(|code| !code.is_plt));
    Ok((functions, outside))
}

/// Puts those that lie within another one into that one, so that no two are left with a byte in
/// common. Those that overlap in part become one that is marked.
pub(super) fn merge(mut functions: Vec<Function>) -> Vec<Function> {
    functions.sort_by_key(|f| (f.range.start, std::cmp::Reverse(f.range.end)));
    let mut merged: Vec<Function> = Vec::with_capacity(functions.len());
    for next in functions {
        match merged.last_mut() {
            Some(last) if next.range.start < last.range.end => {
                if next.range.end > last.range.end {
                    last.range.end = next.range.end;
                    last.overlaps = true;
                }
                last.has_pads |= next.has_pads;
            }
            _ => merged.push(next),
        }
    }
    merged
}

fn from_tables(elf: &Elf<'_>) -> gimli::Result<Vec<Function>> {
    let Some(section) = elf.section_by_name(".eh_frame") else { return Ok(Vec::new()) };
    let address_of = |name| elf.section_by_name(name).map_or(0, |s| s.address());
    let bases = BaseAddresses::default()
        .set_eh_frame(section.address())
        .set_text(address_of(".text"))
        .set_got(address_of(".got"));
    // A separate file of debug information has the section without its contents.
    let mut tables = EhFrame::new(section.data().unwrap_or_default(), LittleEndian);
    tables.set_address_size(8);

    let mut functions = Vec::new();
    let mut cies: HashMap<_, CommonInformationEntry<_>> = HashMap::new();
    let mut entries = tables.entries(&bases);
    while let Some(entry) = entries.next()? {
        let CieOrFde::Fde(partial) = entry else { continue };
        let fde = partial.parse(|tables, bases, offset| match cies.entry(offset) {
            Entry::Occupied(known) => Ok(known.get().clone()),
            Entry::Vacant(new) => Ok(new.insert(tables.cie_from_offset(bases, offset)?).clone()),
        })?;
        let start = fde.initial_address();
        let Some(end) = start.checked_add(fde.len()) else { continue };
        let has_pads = fde.lsda().is_some();
        functions.push(Function { range: start..end, has_pads, overlaps: false });
    }
    Ok(functions)
}

fn from_symbols(elf: &Elf<'_>) -> Vec<Function> {
    elf.symbols()
        .chain(elf.dynamic_symbols())
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
        .filter_map(|symbol| {
            let end = symbol.address().checked_add(symbol.size())?;
            Some(Function { range: symbol.address()..end, has_pads: false, overlaps: false })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: Range<u64>) -> Function {
        Function { range, has_pads: false, overlaps: false }
    }

    #[test]
    fn what_lies_within_another_one_joins_it() {
        let pads = Function { has_pads: true, ..of(16..24) };
        let merged = merge(vec![of(32..40), of(16..32), pads, of(16..32)]);
        assert_eq!(merged, [Function { has_pads: true, ..of(16..32) }, of(32..40)]);
    }

    #[test]
    fn a_partial_overlap_marks_both() {
        let merged = merge(vec![of(16..32), of(24..40), of(40..48)]);
        assert_eq!(merged, [Function { overlaps: true, ..of(16..40) }, of(40..48)]);
    }
}
