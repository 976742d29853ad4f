//! Makes a small ELF program around given code.

use std::ops::Range;

/// Where the code lies.
pub(super) const TEXT: u64 = 0x40_1000;
/// Where 256 writable bytes lie.
pub(super) const DATA: u64 = 0x40_2000;

/// A program with `code` in `.text`, a writable `.data`, and a symbol for each of the `functions`,
/// which are ranges of the code.
pub(super) fn program(code: &[u8], functions: &[Range<u64>]) -> Vec<u8> {
    const HEADER: u64 = 64;
    const SEGMENTS: u64 = HEADER;
    const CODE: u64 = SEGMENTS + 2 * 56;
    let mut names = vec![0];
    let mut name = |text: &str| {
        let at = names.len() as u32;
        names.extend(text.as_bytes());
        names.push(0);
        at
    };
    let mut symbols = vec![0; 24];
    for range in functions {
        symbols.extend(name("f").to_le_bytes());
        // STT_FUNC, STB_GLOBAL; defined in section 1.
        symbols.extend([0x12, 0, 1, 0]);
        symbols.extend((TEXT + range.start).to_le_bytes());
        symbols.extend((range.end - range.start).to_le_bytes());
    }
    // Type, flags, address, contents or size, link, entry size.
    let text = (name(".text"), 1_u32, 6_u64, TEXT, code.len() as u64, 0_u32, 0_u64);
    let data = (name(".data"), 8, 3, DATA, 256, 0, 0);
    let symtab = (name(".symtab"), 2, 0, 0, symbols.len() as u64, 4, 24);
    let strtab = (name(".strtab"), 3, 0, 0, names.len() as u64, 0, 0);

    let mut file = Vec::new();
    let after = CODE + code.len() as u64;
    let sections_at = after + (symbols.len() + names.len()) as u64;
    file.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    file.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    file.extend(words(&[TEXT, SEGMENTS, sections_at]));
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 2, 0, 64, 0, 5, 0, 4, 0]);
    let segment = |flags: u32, offset: u64, address: u64, in_file: u64, size: u64| {
        let mut bytes = [1_u32.to_le_bytes(), flags.to_le_bytes()].concat();
        bytes.extend(words(&[offset, address, address, in_file, size, 1]));
        bytes
    };
    file.extend(segment(5, CODE, TEXT, code.len() as u64, code.len() as u64));
    file.extend(segment(6, after, DATA, 0, 256));
    file.extend(code);
    file.extend(&symbols);
    file.extend(&names);
    file.extend([0; 64]);
    let symbols_at = after;
    let names_at = after + symbols.len() as u64;
    for (section, offset) in [(text, CODE), (data, after), (symtab, symbols_at), (strtab, names_at)]
    {
        let (name, kind, flags, address, size, link, entry) = section;
        file.extend([name.to_le_bytes(), kind.to_le_bytes()].concat());
        file.extend(words(&[flags, address, offset, size]));
        file.extend([link.to_le_bytes(), [0; 4]].concat());
        file.extend(words(&[1, entry]));
    }
    file
}

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}
