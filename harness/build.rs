//! Compiles the runtime of the controlled lane into the shared object that standstill carries.
//!
//! One direct call of rustc, no nested cargo: the scheduler crate has no dependencies, and a cargo
//! inside of a cargo would wait for the lock of the target directory. An artifact dependency would
//! say the same in one line and is not stable. The points of levels 2 and 3, which `standstill build`
//! links into instrumented programs, are compiled the same way.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(controlled)");
    let here = PathBuf::from(set("CARGO_MANIFEST_DIR"));
    let sources = here.join("scheduler/src");
    println!("cargo::rerun-if-changed={}", sources.display());
    println!("cargo::rerun-if-changed=build.rs");

    let is = |name: &str, value: &str| set(&format!("CARGO_CFG_TARGET_{name}")) == value;
    let supported = is("ARCH", "x86_64") && is("OS", "linux") && is("ENV", "gnu");
    if env::var_os("CARGO_FEATURE_CLI").is_none() || !supported {
        return;
    }
    let object = Path::new(&set("OUT_DIR")).join("libstandstill_scheduler.so");
    let mut rustc = Command::new(set("RUSTC"));
    rustc
        .args(["--crate-name", "standstill_scheduler", "--edition", "2024"])
        .args(["--crate-type", "cdylib", "--cfg", "feature=\"interpose\""])
        // Its warnings are told where it is built as an ordinary crate.
        .args(["--cap-lints", "allow"])
        // Optimised whatever the profile: it runs at every step of a target.
        .args([
            "-C",
            "opt-level=3",
            "-C",
            "panic=abort",
            "-C",
            "force-frame-pointers=yes",
            "-C",
            "debuginfo=1",
            "-C",
            "strip=none",
        ])
        .args(["-C", "codegen-units=1", "--target", &set("TARGET")])
        .args(linker().iter().flat_map(|linker| ["-C".to_owned(), format!("linker={linker}")]))
        .arg("-o")
        .arg(&object)
        .arg(sources.join("lib.rs"));
    let status = rustc.status().unwrap_or_else(|error| panic!("failed to run {rustc:?}: {error}"));
    assert!(status.success(), "failed to compile the runtime of the controlled lane: {rustc:?}");
    println!("cargo::rustc-cfg=controlled");
    println!("cargo::rustc-env=STANDSTILL_RUNTIME={}", object.display());
    points(&here.join("scheduler/points"));
}

/// Compiles the points, once for each level: their section is named after it.
fn points(sources: &Path) {
    println!("cargo::rerun-if-changed={}", sources.display());
    for (level, full) in [(2, false), (3, true)] {
        let object = Path::new(&set("OUT_DIR")).join(format!("standstill_points_{level}.o"));
        let mut rustc = Command::new(set("RUSTC"));
        rustc
            .args(["--crate-name", "standstill_points", "--edition", "2024"])
            // An object, not an archive: it is to bring no second `core`.
            .args(["--crate-type", "lib", "--emit", "obj", "--cap-lints", "allow"])
            .args(full.then_some(["--cfg", "full"]).into_iter().flatten())
            .args(["-C", "opt-level=3", "-C", "panic=abort", "-C", "codegen-units=1"])
            .args(["-C", "force-frame-pointers=yes", "--target", &set("TARGET")])
            .arg("-o")
            .arg(&object)
            .arg(sources.join("lib.rs"));
        let status = rustc.status().unwrap_or_else(|e| panic!("failed to run {rustc:?}: {e}"));
        assert!(status.success(), "failed to compile the points of level {level}: {rustc:?}");
        println!("cargo::rustc-env=STANDSTILL_POINTS_{level}={}", object.display());
    }
}

/// The linker that this build uses where it is not the default one.
fn linker() -> Option<String> {
    let target = set("TARGET").to_uppercase().replace('-', "_");
    let names = ["RUSTC_LINKER".to_owned(), format!("CARGO_TARGET_{target}_LINKER")];
    for name in &names {
        println!("cargo::rerun-if-env-changed={name}");
    }
    names.iter().find_map(|name| env::var(name).ok())
}

/// A variable that cargo sets for build scripts.
fn set(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo did not set {name}"))
}
