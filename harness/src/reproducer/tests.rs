//! The driver in the hands of scenarios, and slices of a small crate.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::emit::emit;
use super::own;
use super::slice::slice;
use super::tree::{Tree, What};

/// A crate of several files.
fn krate(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let root = dir.path().canonicalize().unwrap().join(files[0].0);
    (dir, root)
}

/// What is cut out for the function in line `line` of `file`.
fn cut(files: &[(&str, &str)], file: &str, line: u32) -> (String, String, BTreeSet<String>) {
    let (_dir, root) = krate(files);
    let tree = Tree::read(&root).unwrap();
    let function = tree.function_at(&root.parent().unwrap().join(file), line).unwrap();
    let slice = slice(&tree, function);
    let emitted = emit(&tree, &slice, function, "crate::driver");
    (emitted.text, emitted.function, slice.outside)
}

const ROOT: &str = r#"
//! A library with scenarios.
mod first;
mod second;
pub use first::shared;
/// Counts.
pub struct Count(pub u32);
impl Count {
    fn step(&mut self) { self.0 += STEP; }
}
const STEP: u32 = 1;
const OTHER: u32 = 2;
"#;

const FIRST: &str = r##"
//! The first.
use standstill_kit::{Kind, Scenario};
use std::sync::{Arc, Mutex};
use crate::Count;

// What they share.
pub fn shared() -> Mutex<Count> { Mutex::new(Count(0)) }

fn scenario() -> Scenario {
    let text = "two
  lines";
    Scenario::new("first").setup(|_, _| super::shared()).actor(|_, _| println!("{LIMIT} {text}")).build()
}
const LIMIT: u32 = 3;
fn other(_: Kind) -> Arc<u32> { crate::second::unused() }
"##;

const SECOND: &str =
    "use rayon::spawn;\npub fn unused() -> std::sync::Arc<u32> { spawn(); todo!() }\n";

#[test]
fn a_function_that_no_call_without_more_words_reaches_is_not_cut_out() {
    let text = "fn plain() {}\nfn generic<T>() {}\nfn sized<const N: usize>() {}\n\
                fn borrows<'a>() -> &'a str { \"\" }\nfn told(_: u8) {}\n";
    let (_dir, root) = krate(&[("lib.rs", text)]);
    let tree = Tree::read(&root).unwrap();
    let takes = |line| match tree.items[tree.function_at(&root, line).unwrap()].what {
        What::Function { takes_arguments, .. } => takes_arguments,
        _ => panic!("a function stands in line {line}"),
    };
    assert_eq!([1, 2, 3, 4, 5].map(takes), [false, true, true, false, true]);
}

#[test]
fn a_scenario_comes_with_what_it_reaches_and_nothing_else() {
    let files = [("lib.rs", ROOT), ("first.rs", FIRST), ("second.rs", SECOND)];
    let (text, function, outside) = cut(&files, "first.rs", 13);
    assert_eq!(function, "first::scenario");
    for part in [
        "pub(crate) mod first {\n    //! The first.\n",
        "    use crate::driver::Scenario;\n    use std::sync::Mutex;\n    use crate::Count;\n",
        "    // What they share.\n    pub fn shared()",
        "    pub(crate) fn scenario() -> Scenario {\n        let text = \"two\n  lines\";\n",
        "const LIMIT: u32 = 3;",
        "pub use first::shared;",
        "impl Count {\n    fn step",
        "const STEP: u32 = 1;",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    for part in ["OTHER", "fn other", "mod second", "Arc", "Kind", "standstill_kit"] {
        assert!(!text.contains(part), "{part:?} is in\n{text}");
    }
    assert!(!outside.contains("rayon"), "{outside:?}");
}

#[test]
fn what_stands_in_one_module_becomes_the_root() {
    let alone = "use standstill_kit::Scenario;\npub(crate) fn it() -> Scenario {\n    todo!()\n}\n";
    let (text, function, _) = cut(&[("lib.rs", "mod alone;"), ("alone.rs", alone)], "alone.rs", 3);
    assert_eq!(function, "it");
    assert!(text.starts_with("use crate::driver::Scenario;\n\npub(crate) fn it()"), "{text}");
}

#[test]
fn macros_traits_and_globs_are_followed() {
    let root = "
        #[macro_use] mod tools;
        mod kinds { pub enum Kind { A, B } pub trait Loud { fn shout(&self) {} } impl Loud for u8 {} }
        mod scenario {
            use super::kinds::{Kind::*, Loud};
            use std::io::Write as _;
            use memchr::*;
            thread_local! { static SLOT: u8 = 0; static NOT: u8 = 1; }
            fn it() { twice!(A); 1u8.shout(); SLOT.with(|_| ()); libc::getpid(); }
        }";
    let tools = "macro_rules! twice { ($x:expr) => { ($x, $crate::tools::helper()) } }\n\
                 pub fn helper() {}\nmacro_rules! never { () => {} }\n";
    let (text, function, outside) = cut(&[("lib.rs", root), ("tools.rs", tools)], "lib.rs", 9);
    assert_eq!(function, "scenario::it");
    for part in [
        "#[macro_use]\n",
        "macro_rules! twice",
        "fn helper",
        "impl Loud for u8",
        "SLOT",
        "use super::kinds::{Kind::*, Loud};",
        "use std::io::Write as _;",
        "use memchr::*;",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(!text.contains("never"), "{text}");
    assert!(outside.contains("libc") && outside.contains("memchr"), "{outside:?}");
}

#[test]
fn an_import_that_is_called_as_its_module_is_followed_once() {
    let root = "mod check { pub fn check() {} pub fn other() {} }\npub use check::check;\n\
                use loops::loops as again; mod loops { pub use super::again as loops; }\n\
                fn it() { check(); again(); }";
    let (text, function, _) = cut(&[("lib.rs", root)], "lib.rs", 4);
    assert_eq!(function, "it");
    assert!(text.contains("pub fn check()") && !text.contains("other"), "{text}");
    assert!(text.contains("pub use check::check;"), "{text}");
}

#[test]
fn a_driver_has_what_is_called_and_nothing_else() {
    let mentioned = ["about", "setup", "actor", "build"].map(str::to_owned).into_iter().collect();
    let short = own::driver(&mentioned);
    assert!(short.contains("fn about") && short.contains("fn build"), "{short}");
    for part in ["fn contract", "fn may_find", "enum Kind", "fn random", "for the harness"] {
        assert!(!short.contains(part), "{part} is in\n{short}");
        assert!(own::DRIVER.contains(part), "{part}");
    }
    syn::parse_file(&short).unwrap();
    assert!(short.len() * 5 < own::DRIVER.len() * 4, "{} bytes", short.len());
}

#[test]
fn a_build_script_brings_along_what_it_names() {
    let script = "fn main() { println!(\"cargo::rerun-if-changed=c\"); cc().file(\"one.c\").file(\"../x\") }";
    let (dir, _) =
        krate(&[("build.rs", script), ("c/a.c", ""), ("one.c", ""), ("one.h", ""), ("two.c", "")]);
    let to = tempfile::tempdir().unwrap();
    super::copy::named_by(script, dir.path(), to.path()).unwrap();
    let is_there = |name: &str| Path::new(to.path()).join(name).exists();
    assert!(["c/a.c", "one.c", "one.h"].into_iter().all(is_there));
    assert!(!is_there("two.c"));
}
