//! What a terminal gets to see: a live table and colours, unless somebody says no.

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, Stdio};

use crate::run::{controls, standstill};

/// Runs a command whose output is a terminal of 24 lines and 100 columns.
fn on_a_terminal(mut command: Command) -> (Option<i32>, String) {
    let (mut ours, mut theirs) = (0, 0);
    let size = libc::winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    let null = std::ptr::null_mut();
    // SAFETY: both numbers are written to, name and settings may be null, and the size outlives the call.
    let opened = unsafe { libc::openpty(&mut ours, &mut theirs, null, null.cast(), &size) };
    assert_eq!(opened, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the call has opened both, and nobody else has them.
    let (ours, theirs) = unsafe { (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
    let shown = theirs.try_clone().unwrap();
    command.stdin(Stdio::null()).stdout(theirs).stderr(shown);
    let mut child = command.spawn().expect("start standstill");
    // With the command go the last copies of its end, so that ours sees an end, too.
    drop(command);
    let (mut master, mut text, mut bytes) = (File::from(ours), Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = master.read(&mut bytes) {
        text.extend_from_slice(&bytes[..read]);
    }
    (child.wait().unwrap().code(), String::from_utf8_lossy(&text).into_owned())
}

/// A small campaign on a terminal, with these variables.
fn stress(vars: &[(&str, &str)]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = dir.path().join("run");
    let mut args = vec!["stress", "abba", "-t", "2", "-n", "3"];
    args.extend(["--binary", controls().to_str().unwrap(), "--run-dir", run_dir.to_str().unwrap()]);
    let mut command = standstill(&args);
    for name in ["CI", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm").envs(vars.iter().copied());
    let (code, text) = on_a_terminal(command);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("as expected"), "{text}");
    text
}

/// Whether a text has a sequence that sets a colour, as against those that move the cursor.
fn has_colours(text: &str) -> bool {
    text.split("\x1b[").skip(1).any(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';');
        end.is_some_and(|end| end > 0 && rest[end..].starts_with('m'))
    })
}

/// Whether a row of the table was seen, at whatever moment.
fn has_table(text: &str) -> bool {
    ["[=====           ] 1/3", "[==========      ] 2/3", "[================] 3/3"]
        .iter()
        .any(|bar| text.contains(&format!("scenarios/abba x 2  {bar}")))
}

#[test]
#[ntest::timeout(120_000)]
fn a_terminal_gets_colours_and_a_live_table() {
    let text = stress(&[]);
    assert!(has_colours(&text), "{text:?}");
    assert!(text.contains("trials (") && text.contains("\x1b["), "{text:?}");
    assert!(has_table(&text), "{text:?}");
}

#[test]
#[ntest::timeout(120_000)]
fn no_color_means_none_and_the_words_are_the_same() {
    let text = stress(&[("NO_COLOR", "1")]);
    assert!(!has_colours(&text), "{text:?}");
    assert!(has_table(&text), "{text:?}");
    assert!(has_colours(&stress(&[("NO_COLOR", "")])), "empty is as good as unset");
}

#[test]
#[ntest::timeout(120_000)]
fn a_dumb_terminal_and_a_ci_log_get_plain_lines() {
    let dumb = stress(&[("TERM", "dumb")]);
    assert!(!dumb.contains('\x1b'), "{dumb:?}");
    let ci = stress(&[("CI", "true"), ("NO_COLOR", "1")]);
    assert!(!ci.contains('\x1b'), "{ci:?}");
}

#[test]
#[ntest::timeout(120_000)]
fn a_pipe_gets_no_escape_unless_colours_are_forced() {
    let dir = tempfile::tempdir().unwrap();
    let run = |name: &str, vars: &[(&str, &str)]| {
        let run_dir = dir.path().join(name);
        let mut args = vec!["stress", "abba", "-t", "2", "-n", "1"];
        args.extend(["--binary", controls().to_str().unwrap()]);
        args.extend(["--run-dir", run_dir.to_str().unwrap()]);
        let mut command = standstill(&args);
        command.env_remove("CI").env_remove("CLICOLOR_FORCE").envs(vars.iter().copied());
        let output = command.output().unwrap();
        let both = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&both).into_owned()
    };
    assert!(!run("plain", &[]).contains('\x1b'));
    assert!(has_colours(&run("forced", &[("CLICOLOR_FORCE", "1")])));
}
