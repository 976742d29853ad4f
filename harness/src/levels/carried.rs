//! What a binary carries: its level, and how often it calls its points.

use std::ops::Range;

use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

use super::Level;

/// A binary's points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The level that it was built for.
    pub level: Level,
    /// Places in its code that call a point.
    pub calls: usize,
}

/// Functions begin at multiples of this, in the section of the points.
const ALIGNMENT: u64 = 16;

/// The level that an ELF file was built for, by the section of its points; `None` for one without.
pub fn level_of(file: &[u8]) -> Option<Level> {
    let file = object::File::parse(file).ok()?;
    Level::ALL.into_iter().find(|level| file.section_by_name(level.section()).is_some())
}

/// Where an ELF file has its points, as addresses of the file: the instrumented atomics are made there.
/// What else it has of them belongs to code that was compiled before, as the language's own.
pub fn points_of(file: &[u8]) -> Option<Range<u64>> {
    let file = object::File::parse(file).ok()?;
    let points = Level::ALL.into_iter().find_map(|level| file.section_by_name(level.section()))?;
    Some(points.address()..points.address() + points.size())
}

/// Looks into an ELF file; `None` for one that carries no points, or is none.
///
/// The calls are those that a linker makes of references: to an address relative to the next
/// instruction. Bytes that only look like one (a constant) count as well, about one in ten megabytes;
/// in a stripped file, where it is not known which functions there are, one in three.
pub fn carried(file: &[u8]) -> Option<Carried> {
    let file = object::File::parse(file).ok()?;
    let (level, points) = Level::ALL
        .into_iter()
        .find_map(|level| Some((level, file.section_by_name(level.section())?)))?;
    let (from, to) = (points.address(), points.address() + points.size());
    let mut entries: Vec<u64> = file
        .symbols()
        .filter(|symbol| symbol.name().is_ok_and(|name| name.starts_with("__tsan_")))
        .map(|symbol| symbol.address())
        .collect();
    entries.sort_unstable();
    let is_entry = |target: u64| {
        (from..to).contains(&target)
            && match entries.is_empty() {
                true => target.is_multiple_of(ALIGNMENT),
                false => entries.binary_search(&target).is_ok(),
            }
    };
    let mut calls = 0;
    for section in file.sections() {
        if section.kind() != SectionKind::Text || section.address() == from {
            continue;
        }
        let Ok(code) = section.data() else { continue };
        for (at, bytes) in code.windows(5).enumerate() {
            let [0xe8 | 0xe9, a, b, c, d] = *bytes else { continue };
            let distance = i64::from(i32::from_le_bytes([a, b, c, d]));
            let next = section.address() + at as u64 + 5;
            calls += usize::from(is_entry(next.wrapping_add_signed(distance)));
        }
    }
    Some(Carried { level, calls })
}
