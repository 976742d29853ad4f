//! Writes core files of targets, and reads them with `object` and, where it is installed, gdb.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};
use standstill::capture::CaptureError;
use standstill::capture::coredump::{CoreError, CoreFile, write_core, write_core_of_culprit};
use tempfile::TempDir;

use crate::target::{self, BARRED, SIGNALS, TOUCHED};
use crate::words::Target;

type Header = elf::FileHeader64<Endianness>;

/// A core file in a directory that goes with it.
struct Core {
    _directory: TempDir,
    file: CoreFile,
    bytes: Vec<u8>,
}

impl Core {
    fn of(target: &Target) -> Self {
        let directory = TempDir::new().unwrap();
        let file = write_core(target.pid(), &directory.path().join("core"));
        Core::read(directory, file.unwrap_or_else(|e| panic!("failed to {e}")))
    }

    fn read(directory: TempDir, file: CoreFile) -> Self {
        // Only the core file is there: whatever it was called before is gone.
        assert_eq!(names_in(directory.path()), [file.path.file_name().unwrap()]);
        let bytes = fs::read(&file.path).unwrap();
        Core { _directory: directory, file, bytes }
    }

    fn segments(&self) -> (Endianness, &[elf::ProgramHeader64<Endianness>]) {
        let header = Header::parse(&*self.bytes).unwrap();
        let endian = header.endian().unwrap();
        assert_eq!((header.e_type(endian), header.e_machine(endian)), (elf::ET_CORE, 62));
        (endian, header.program_headers(endian, &*self.bytes).unwrap())
    }

    /// Types and contents of all notes.
    fn notes(&self) -> Vec<(u32, &[u8])> {
        let (endian, segments) = self.segments();
        let notes = segments.iter().find_map(|s| s.notes(endian, &*self.bytes).unwrap());
        let mut notes = notes.unwrap();
        let next = || notes.next().unwrap();
        std::iter::from_fn(next).map(|note| (note.n_type(endian), note.desc())).collect()
    }

    fn notes_of(&self, kind: u32) -> Vec<&[u8]> {
        self.notes().into_iter().filter(|note| note.0 == kind).map(|note| note.1).collect()
    }

    /// The thread ids, in the order of the file.
    fn tids(&self) -> Vec<i32> {
        let tid = |note: &[u8]| i32::from_le_bytes(*note[32..].first_chunk().unwrap());
        self.notes_of(elf::NT_PRSTATUS).into_iter().map(tid).collect()
    }

    /// What the file has at an address of the target.
    fn memory<const N: usize>(&self, address: usize) -> Option<[u8; N]> {
        let (endian, segments) = self.segments();
        let found = segments.iter().filter(|s| s.p_type(endian) == elf::PT_LOAD).find_map(|s| {
            let at = (address as u64).checked_sub(s.p_vaddr(endian))?;
            s.data(endian, &*self.bytes).ok()?.get(at as usize..)?.first_chunk()
        });
        found.copied()
    }
}

fn names_in(directory: &Path) -> Vec<std::ffi::OsString> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

/// Where one of our statics lies in a target, which runs the same binary.
fn in_target<T>(target: &Target, own: &'static T) -> usize {
    let base = |pid: &str| {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
        let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
        let line = maps.lines().find(|line| line.ends_with(exe.to_str().unwrap())).unwrap();
        usize::from_str_radix(line.split('-').next().unwrap(), 16).unwrap()
    };
    std::ptr::from_ref(own) as usize - base("self") + base(&target.pid().to_string())
}

#[test]
fn a_core_file_has_every_thread_and_the_memory_and_the_target_goes_on() {
    let mut target = Target::ready("still");
    for sent in 1..=3 {
        target.send(libc::SIGUSR1);
        while target.ping() < sent {}
    }
    let core = Core::of(&target);
    assert_eq!(core.file.notes, Vec::<String>::new());
    assert!(core.file.bytes > 0 && core.file.bytes <= core.bytes.len() as u64 + 4096);

    let mut tids = core.tids();
    assert_eq!((tids.len(), tids[0]), (core.file.threads, target.pid()));
    // libtest's own two and the eight that stand still.
    assert_eq!(tids.len(), 10);
    tids.dedup();
    assert_eq!(tids.len(), 10);
    assert_eq!(core.notes_of(elf::NT_FPREGSET).len(), 10);
    let processes = core.notes_of(elf::NT_PRPSINFO);
    assert_eq!((processes.len(), processes[0].len()), (1, 136));
    assert_eq!(core.notes_of(6), [fs::read(format!("/proc/{}/auxv", target.pid())).unwrap()]);
    let [files] = core.notes_of(elf::NT_FILE)[..] else { panic!("one note names the files") };
    let files = String::from_utf8_lossy(files);
    let exe = std::env::current_exe().unwrap();
    assert!(files.contains(exe.to_str().unwrap()) && files.contains("libc.so.6"), "{files}");

    let signals = in_target(&target, &SIGNALS);
    assert_eq!(core.memory(signals).map(u32::from_le_bytes), Some(3));

    assert_eq!(target.ping(), 3);
    assert!(!target.states().contains('t'), "{}", target.states());
    target.send(libc::SIGUSR1);
    while target.ping() < 4 {}
}

#[test]
fn the_culprit_comes_first() {
    let target = Target::ready("4");
    let culprit = Core::of(&target).tids()[3];
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("core");
    let file = write_core_of_culprit(target.pid(), culprit, &path).unwrap();
    assert_eq!(Core::read(directory, file).tids()[..2], [culprit, target.pid()]);
}

#[test]
fn gdb_shows_where_every_thread_stands() {
    let target = Target::ready("still");
    let core = Core::of(&target);
    // Without gdb this much is checked all the same: every stack pointer points into the file.
    for note in core.notes_of(elf::NT_PRSTATUS) {
        let sp = u64::from_le_bytes(*note[112 + 19 * 8..].first_chunk().unwrap());
        assert!(core.memory::<8>(sp as usize).is_some(), "nothing at {sp:#x}");
    }
    let mut gdb = Command::new("gdb");
    gdb.args(["-batch", "-nx", "-ex", "thread apply all bt -30", "-ex", "info sharedlibrary"]);
    gdb.args(["-ex", "info auxv", "-ex", "info proc mappings"]);
    let exe = std::env::current_exe().unwrap();
    // It asks no server for debug information.
    let output = match gdb.arg(&exe).arg(&core.file.path).env_remove("DEBUGINFOD_URLS").output() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return,
        output => output.unwrap(),
    };
    let told = String::from_utf8_lossy(&output.stdout);
    let (stacks, rest) = told.split_once("\nFrom ").unwrap_or_else(|| panic!("{told}"));
    let threads: Vec<_> = stacks.split("\nThread ").skip(1).collect();
    assert_eq!(threads.len(), 10, "{told}");
    for function in [
        "wait_for_lock",
        "wait_on_condvar",
        "sleep_long",
        "spin",
        "sort_in_c",
        "lock_in_c",
        "recurse",
        "stay_in_handler",
    ] {
        let has = |thread: &&str| thread.contains(&format!("target::{function}"));
        assert!(threads.iter().any(has), "{function} in {told}");
    }
    for thread in threads {
        assert!(thread.contains("start_thread") || thread.contains("main"), "{thread}");
    }
    for wanted in ["libc.so.6", "AT_ENTRY", exe.to_str().unwrap()] {
        assert!(rest.contains(wanted), "{wanted} in {rest}");
    }
}

#[test]
fn what_is_merely_reserved_takes_no_room() {
    let mut target = Target::ready("reserve");
    let core = Core::of(&target);
    assert!(core.file.bytes < 16 << 20, "{:?}", core.file);
    let at = core.memory(in_target(&target, &TOUCHED)).map(usize::from_le_bytes).unwrap();
    assert_eq!(core.memory(at).map(u64::from_le_bytes), Some(0x5ca1_ab1e));
    assert_eq!(core.memory(at - BARRED).map(u64::from_le_bytes), Some(0xdead_10cc));
    assert_eq!(core.memory::<8>(at + (1 << 30)), None);
    // Nothing came into being where nothing was.
    let again = Core::of(&target);
    assert!(again.file.bytes < core.file.bytes + (1 << 20), "{:?}", again.file);
    target.ping();
}

#[test]
fn a_busy_target_is_dumped_and_let_go() {
    let mut target = Target::ready("churn");
    for _ in 0..10 {
        assert!(Core::of(&target).tids().len() >= 5);
        target.ping();
    }
}

#[test]
fn a_target_that_ends_meanwhile_leaves_no_torn_file() {
    for _ in 0..10 {
        let mut target = Target::start(&mut target::command("short"));
        loop {
            let directory = TempDir::new().unwrap();
            match write_core(target.pid(), &directory.path().join("core")) {
                Ok(file) => assert!(!Core::read(directory, file).tids().is_empty()),
                Err(CoreError::Capture(CaptureError::Gone { pid })) => {
                    assert_eq!(pid, target.pid());
                    assert!(names_in(directory.path()).is_empty());
                    break;
                }
                Err(e) => panic!("failed to {e}"),
            }
        }
        assert_eq!(target.child.wait().unwrap().code(), Some(7));
    }
}

#[test]
fn a_target_that_is_killed_meanwhile_leaves_a_whole_file_or_none() {
    for round in 0..30 {
        let target = Target::ready("4");
        let directory = TempDir::new().unwrap();
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_micros(200 * round));
                target.send(libc::SIGKILL);
            });
            write_core(target.pid(), &directory.path().join("core"))
        });
        match result {
            Ok(file) => {
                assert_eq!(file.notes, Vec::<String>::new());
                assert_eq!(Core::read(directory, file).tids().len(), 5);
            }
            Err(CoreError::Capture(CaptureError::Gone { .. })) => {
                assert!(names_in(directory.path()).is_empty());
            }
            Err(e) => panic!("failed to {e}"),
        }
    }
}

#[test]
fn a_file_that_grows_too_large_is_removed_and_the_target_goes_on() {
    const LIMITED: &str = "STANDSTILL_TEST_LIMITED";
    const THIS: &str = "core_file::a_file_that_grows_too_large_is_removed_and_the_target_goes_on";
    if std::env::var_os(LIMITED).is_none() {
        // The limit holds for a whole process, and this one has other tests to run.
        let mut limited = Command::new(std::env::current_exe().unwrap());
        let output = limited.args(["--exact", THIS]).env(LIMITED, "1").output().unwrap();
        return assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    use rustix::process::{Resource, Rlimit, setrlimit};
    let mut target = Target::ready("4");
    let directory = TempDir::new().unwrap();
    for limit in [0, 8192, 64 * 1024] {
        setrlimit(Resource::Fsize, Rlimit { current: Some(limit), maximum: None }).unwrap();
        let path = directory.path().join("core");
        let error = write_core(target.pid(), &path).unwrap_err();
        assert!(matches!(&error, CoreError::NoRoom { path: named, .. } if *named == path));
        assert!(error.to_string().contains("there is no room for it"), "{error}");
        assert!(names_in(directory.path()).is_empty());
        target.ping();
        assert!(!target.states().contains('t'), "{}", target.states());
    }
}

#[test]
fn a_file_that_cannot_be_begun_costs_the_target_nothing() {
    let mut target = Target::ready("1");
    let directory = TempDir::new().unwrap();
    let failure = |path: PathBuf| write_core(target.pid(), &path).unwrap_err().to_string();

    let taken = directory.path().join("taken");
    fs::write(&taken, "mine").unwrap();
    let error = failure(taken.clone());
    assert!(error.ends_with("taken exists already; remove it, or name another file"), "{error}");
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
    let error = failure(directory.path().join("nowhere/core"));
    assert!(error.contains("nowhere/core") && error.contains("No such file"), "{error}");
    target.ping();
}

#[test]
fn no_core_file_is_left_of_a_process_that_cannot_be_traced() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("core");
    for pid in [0, -1, i32::MAX] {
        let error = write_core(pid, &path).unwrap_err();
        assert!(matches!(error, CoreError::Capture(CaptureError::Gone { .. })), "{error}");
    }
    let error = write_core(std::process::id() as i32, &path).unwrap_err();
    assert!(error.to_string().ends_with("a process cannot trace itself"), "{error}");
    assert!(names_in(directory.path()).is_empty());
}

#[test]
fn a_stopped_job_is_dumped_and_stays_stopped() {
    let mut target = Target::ready("4");
    target.send(libc::SIGSTOP);
    let is_stopped = |target: &Target| target.states().chars().all(|state| state == 'T');
    while !is_stopped(&target) {}
    assert_eq!(Core::of(&target).tids().len(), 5);
    while !is_stopped(&target) {}
    target.send(libc::SIGCONT);
    target.ping();
}
