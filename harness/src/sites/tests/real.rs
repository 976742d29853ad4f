//! Files that compilers made.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use object::{Object, ObjectSegment};
use standstill_scheduler::abi::{SITE_PAUSE, SITE_RMW};

use crate::sites::image::Elf;
use crate::sites::{LeftOut, Want, find, sweep};

const ALL: Want = Want { rmw: true, pauses: true, memory: true };

const SOURCE: &str = r#"
#include <stdatomic.h>
#include <stdio.h>
atomic_int shared; atomic_long wide; int plain; int *where = &plain; _Thread_local int own;
int step(int n) {
    switch (n) {
    case 0: return atomic_fetch_add(&shared, 1);
    case 1: return atomic_fetch_or(&wide, 4) != 0;
    case 2: plain++; return 7;
    case 3: return atomic_exchange(&shared, 3);
    case 4: { int old = 0; return atomic_compare_exchange_strong(&shared, &old, 1); }
    case 5: while (!atomic_load(&shared)) __builtin_ia32_pause(); return 1;
    case 6: *where = own++; return 2;
    case 7: puts("seven"); return 9;
    default: __builtin_trap();
    }
}
int jump(unsigned n) {
    static void *labels[] = { &&first, &&second, &&third };
    goto *labels[n % 3];
first: return atomic_fetch_sub(&shared, 2);
second: plain = 5; return 1;
third: return atomic_fetch_xor(&shared, 9);
}
int main(int argc, char **argv) { (void)argv; return step(argc) + jump(argc); }
"#;

/// Says that less is tested than could be.
#[allow(clippy::print_stderr)]
fn skip(why: &str) {
    eprintln!("{why}");
}

/// Every line of a disassembly: where an instruction begins, and whether it locks.
fn disassemble(path: &Path) -> Option<Vec<(u64, bool)>> {
    let mut objdump = Command::new("objdump");
    objdump.args(["-d", "-w", "--no-show-raw-insn"]).arg(path).env("LC_ALL", "C");
    let output = objdump.stderr(Stdio::null()).output().ok().filter(|o| o.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |line: &str| {
        let (address, instruction) = line.split_once(":\t")?;
        let address = u64::from_str_radix(address.trim(), 16).ok()?;
        Some((address, instruction.split_whitespace().any(|word| word == "lock")))
    };
    Some(text.lines().filter_map(line).collect())
}

/// That each site is where objdump, which follows symbols, sees an instruction begin, and that each
/// locked one within a good function is a site.
fn compare(path: &Path) -> usize {
    let file = fs::read(path).unwrap();
    let survey = sweep::survey(&file, ALL).unwrap();
    let good: Vec<_> = survey.functions.iter().filter(|(_, why)| why.is_none()).collect();
    let good: Vec<_> = good.into_iter().map(|(function, _)| function.range.clone()).collect();
    let bad: Vec<_> = survey.functions.iter().filter(|(_, why)| why.is_some()).collect();
    let bad: Vec<_> = bad.into_iter().map(|(function, _)| function.range.clone()).collect();
    let found = survey.into_found();
    let Some(lines) = disassemble(path) else {
        skip("no objdump to compare with");
        return found.sites.len();
    };
    let begins: BTreeSet<u64> = lines.iter().map(|(address, _)| *address).collect();
    let sites: BTreeSet<u64> = found.sites.iter().map(|site| site.address).collect();
    for address in &sites {
        assert!(begins.contains(address), "{address:#x} of {} is no beginning", path.display());
    }
    for (address, _) in lines.iter().filter(|(_, locks)| *locks) {
        let within = |ranges: &[std::ops::Range<u64>]| ranges.iter().any(|r| r.contains(address));
        assert!(!within(&good) || sites.contains(address), "{address:#x} is missing");
        assert!(within(&good) || within(&bad), "{address:#x} is in no function");
    }
    found.sites.len()
}

#[test]
fn a_c_program_is_searched_as_objdump_reads_it() {
    let scratch = tempfile::tempdir().unwrap();
    let source = scratch.path().join("program.c");
    fs::write(&source, SOURCE).unwrap();
    let variants: [&[&str]; 5] = [
        &["-O2"],
        &["-O2", "-no-pie", "-fno-pie"],
        &["-O2", "-s"],
        &["-O0"],
        &["-O2", "-shared", "-fPIC"],
    ];
    for options in variants {
        let path = scratch.path().join("program");
        let compiler = Command::new("cc").args(options).arg("-o").arg(&path).arg(&source).status();
        let Ok(status) = compiler else {
            skip("no C compiler");
            return;
        };
        assert!(status.success());
        assert!(compare(&path) > 0);
        let found = find(&fs::read(&path).unwrap(), ALL).unwrap();
        let count = |kind| found.sites.iter().filter(|site| site.kind == kind).count();
        assert_eq!(found.left_out, LeftOut::default(), "{options:?}");
        assert!(count(SITE_PAUSE) >= 1, "{options:?}");
        // Four of the cases; the wait loads, and the rest is plain.
        assert!(count(SITE_RMW) >= 4, "{options:?}: {:?}", found.sites);
    }
}

#[test]
fn a_table_that_contradicts_what_was_decoded_condemns_a_function() {
    // It begins with `mov eax, 1`, or with something else that is longer than a byte.
    let source = r#"
        __attribute__((visibility("hidden"), used)) int add(int *p) {
            return __atomic_fetch_add(p, 1, 5) + 77;
        }
        int other(int *p) { return __atomic_fetch_add(p, 1, 5); }
        __asm__(".pushsection .data\n.quad add + 1\n.popsection");
    "#;
    let scratch = tempfile::tempdir().unwrap();
    let [path, library] = ["library.c", "library.so"].map(|name| scratch.path().join(name));
    fs::write(&path, source).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-shared", "-fPIC", "-nostdlib", "-o"]).args([&library, &path]);
    let Ok(status) = compiler.status() else {
        skip("no C compiler");
        return;
    };
    assert!(status.success());
    let found = find(&fs::read(&library).unwrap(), ALL).unwrap();
    assert_eq!(found.left_out, LeftOut { misaligned: 1, ..LeftOut::default() });
    assert_eq!(found.sites.len(), 1);
}

#[test]
fn this_program_is_full_of_sites() {
    let exe = std::env::current_exe().unwrap();
    let file = fs::read(&exe).unwrap();
    let found = find(&file, ALL).unwrap();
    let atomics = found.sites.iter().filter(|site| site.kind == SITE_RMW).count();
    assert!(atomics > 100, "{atomics}");
    assert!(found.sites.is_sorted_by(|a, b| a.address < b.address), "one is named twice");
    assert!(found.left_out.functions() * 100 < found.functions, "{:?}", found.left_out);

    let elf = Elf::parse(&*file).unwrap();
    let segments: Vec<_> = elf.segments().map(|s| (s.address(), s.data().unwrap())).collect();
    for site in &found.sites {
        let bytes = &site.bytes[..site.length.into()];
        let in_file = segments.iter().find_map(|(address, data)| {
            let at = usize::try_from(site.address.checked_sub(*address)?).ok()?;
            data.get(at..at + bytes.len())
        });
        assert_eq!(in_file, Some(bytes), "{:#x}", site.address);
    }
}

#[test]
fn a_library_is_searched_as_objdump_reads_it() {
    // Not there on every system.
    let path = Path::new("/usr/lib/x86_64-linux-gnu/libstdc++.so.6");
    if path.exists() {
        assert!(compare(path) > 0);
    }
}
