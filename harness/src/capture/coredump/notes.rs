//! The notes of a core file: its process, its threads and their registers.
//!
//! The kernel's `struct elf_prstatus` and `struct elf_prpsinfo` (`linux/elfcore.h`) are laid out by
//! hand, as they are for x86-64.

use std::fs;

use libc::{NT_AUXV, NT_PRFPREG, NT_PRPSINFO, NT_PRSTATUS};

use super::PAGE;
use super::regions::Region;

/// Note types of `linux/elf.h` that libc does not define.
pub(super) const NT_X86_XSTATE: libc::c_int = 0x202;
const NT_FILE: libc::c_int = 0x4649_4c45;

/// Ticks of the clock in a second, as x86-64 shows them to programs.
const TICKS: u64 = 100;
/// Bytes of the general registers of a thread in 64-bit mode.
pub(super) const GENERAL: usize = 27 * 8;

/// The registers of one thread, each set as ptrace gives it.
pub(super) struct Thread {
    pub(super) tid: i32,
    pub(super) general: Vec<u8>,
    pub(super) floating: Option<Vec<u8>>,
    pub(super) extended: Option<Vec<u8>>,
}

/// All notes, the first thread's before all others: a debugger begins with that one.
pub(super) fn encode(pid: i32, threads: &[Thread], regions: &[Region]) -> Vec<u8> {
    let mut notes = Vec::new();
    for (nth, thread) in threads.iter().enumerate() {
        let task = format!("/proc/{pid}/task/{}", thread.tid);
        let stat = Stat::read(&task);
        push(&mut notes, b"CORE", NT_PRSTATUS, &prstatus(thread, &task, &stat));
        if nth == 0 {
            push(&mut notes, b"CORE", NT_PRPSINFO, &prpsinfo(pid, &task, &stat));
            let auxv = fs::read(format!("{task}/auxv")).unwrap_or_default();
            push(&mut notes, b"CORE", NT_AUXV, &auxv);
            push(&mut notes, b"CORE", NT_FILE, &files(regions));
        }
        if let Some(set) = &thread.floating {
            push(&mut notes, b"CORE", NT_PRFPREG, set);
        }
        if let Some(set) = &thread.extended {
            push(&mut notes, b"LINUX", NT_X86_XSTATE, set);
        }
    }
    notes
}

fn push(notes: &mut Vec<u8>, name: &[u8], kind: libc::c_int, description: &[u8]) {
    for number in [name.len() as u32 + 1, description.len() as u32, kind as u32] {
        notes.extend(number.to_le_bytes());
    }
    for part in [&[name, b"\0"].concat(), description] {
        notes.extend(part);
        notes.resize(notes.len().next_multiple_of(4), 0);
    }
}

/// `struct elf_prstatus`.
fn prstatus(thread: &Thread, task: &str, stat: &Stat) -> Vec<u8> {
    let status = crate::os::proc_text(format!("{task}/status")).unwrap_or_default();
    let set = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
    };
    let mut note = Vec::with_capacity(336);
    // No signal has ended the process.
    note.resize(16, 0);
    note.extend(set("SigPnd:").to_le_bytes());
    note.extend(set("SigBlk:").to_le_bytes());
    for id in [thread.tid, stat.parent, stat.group, stat.session] {
        note.extend(id.to_le_bytes());
    }
    for ticks in stat.times {
        note.extend((ticks / TICKS).to_le_bytes());
        note.extend((ticks % TICKS * 1_000_000 / TICKS).to_le_bytes());
    }
    note.extend(&thread.general);
    note.extend(u32::from(thread.floating.is_some()).to_le_bytes());
    note.resize(note.len().next_multiple_of(8), 0);
    note
}

/// `struct elf_prpsinfo`.
fn prpsinfo(pid: i32, task: &str, stat: &Stat) -> Vec<u8> {
    let status = crate::os::proc_text(format!("{task}/status")).unwrap_or_default();
    let id = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|ids| ids.split_whitespace().next()?.parse().ok()).unwrap_or(0_u32)
    };
    let mut note = Vec::with_capacity(136);
    // The number of the state is that of its letter in the kernel's list; which a tracer stops in is
    // not worth telling.
    note.extend([0, b'S', 0, stat.nice as u8, 0, 0, 0, 0]);
    note.extend(stat.flags.to_le_bytes());
    note.extend(id("Uid:").to_le_bytes());
    note.extend(id("Gid:").to_le_bytes());
    for id in [pid, stat.parent, stat.group, stat.session] {
        note.extend(id.to_le_bytes());
    }
    let mut text = |mut bytes: Vec<u8>, length: usize| {
        // A zero must follow.
        bytes.truncate(length - 1);
        bytes.resize(length, 0);
        note.extend(bytes);
    };
    text(stat.name.clone(), 16);
    let mut command = fs::read(format!("{task}/cmdline")).unwrap_or_default();
    command.pop();
    text(command.into_iter().map(|byte| if byte == 0 { b' ' } else { byte }).collect(), 80);
    note
}

/// Which files are mapped where.
fn files(regions: &[Region]) -> Vec<u8> {
    let mapped: Vec<_> = regions.iter().filter(|region| region.has_file()).collect();
    let mut note = Vec::new();
    for number in [mapped.len() as u64, PAGE] {
        note.extend(number.to_le_bytes());
    }
    for region in &mapped {
        for number in [region.range.start, region.range.end, region.offset / PAGE] {
            note.extend(number.to_le_bytes());
        }
    }
    for region in &mapped {
        note.extend(&region.path);
        note.push(0);
    }
    note
}

/// What `/proc/PID/task/TID/stat` says (proc(5)); zeroes if it says nothing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stat {
    name: Vec<u8>,
    parent: i32,
    group: i32,
    session: i32,
    flags: u64,
    /// User and system time, its own and that of children it waited for, in ticks of the clock.
    times: [u64; 4],
    nice: i8,
}

impl Stat {
    fn read(task: &str) -> Self {
        Stat::parse(&fs::read(format!("{task}/stat")).unwrap_or_default()).unwrap_or_default()
    }

    fn parse(line: &[u8]) -> Option<Self> {
        // The name may hold anything, parentheses included.
        let open = line.iter().position(|&byte| byte == b'(')?;
        let close = line.iter().rposition(|&byte| byte == b')')?;
        let fields = std::str::from_utf8(line.get(close + 1..)?).ok()?;
        let fields: Vec<i64> =
            fields.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
        // The first of them, the state, is field 3 of the manual.
        let field = |number: usize| fields.get(number - 3).copied().unwrap_or(0);
        Some(Stat {
            name: line.get(open + 1..close)?.to_vec(),
            parent: field(4) as i32,
            group: field(5) as i32,
            session: field(6) as i32,
            flags: field(9) as u64,
            times: [14, 15, 16, 17].map(|number| field(number) as u64),
            nice: field(19) as i8,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_is_read_past_any_name() {
        let line = b"7 (a) R (b) S 1 2 3 0 -1 64 0 0 0 0 10 20 30 40 20 -5 1 0";
        let stat = Stat::parse(line).unwrap();
        assert_eq!(stat.name, b"a) R (b");
        assert_eq!((stat.parent, stat.group, stat.session, stat.flags), (1, 2, 3, 64));
        assert_eq!((stat.times, stat.nice), ([10, 20, 30, 40], -5));
        assert_eq!(Stat::parse(b""), None);
    }

    #[test]
    fn the_structures_have_the_kernel_s_sizes() {
        let thread =
            Thread { tid: 7, general: vec![1; GENERAL], floating: Some(vec![]), extended: None };
        let note = prstatus(&thread, "/proc/self", &Stat::default());
        assert_eq!(note.len(), 336);
        assert_eq!((note[32], note[112], note[327], note[328]), (7, 1, 1, 1));
        assert_eq!(prpsinfo(7, "/proc/self", &Stat::default()).len(), 136);
    }

    #[test]
    fn a_note_is_padded_to_four_bytes() {
        let mut notes = Vec::new();
        push(&mut notes, b"CORE", 9, b"abcde");
        assert_eq!(notes, b"\x05\0\0\0\x05\0\0\0\x09\0\0\0CORE\0\0\0\0abcde\0\0\0");
    }
}
