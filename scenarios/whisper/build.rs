//! Tells the sources which whisper-rs they are compiled against. The manifest that pins it is the
//! only place that says so, so that a package with another pin needs no other change. It also says
//! whether whisper.cpp is built with OpenMP.

use std::{env, fs, path::Path};

fn main() {
    let manifest = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap()).join("Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("whisper-rs = \"=")?.strip_suffix('"'))
        .unwrap_or_else(|| panic!("{} pins no `whisper-rs = \"=X.Y.Z\"`", manifest.display()));
    let minor: u32 = version.split('.').nth(1).and_then(|part| part.parse().ok()).unwrap();

    println!("cargo::rerun-if-changed={}", manifest.display());
    println!("cargo::rustc-env=WHISPER_RS_VERSION={version}");
    // The other version's package lies one folder deeper.
    let is_here = manifest.with_file_name("reproducers").is_dir();
    let reproducers = if is_here { "reproducers/" } else { "../reproducers/" };
    println!("cargo::rustc-env=REPRODUCERS={reproducers}");
    println!("cargo::rustc-check-cfg=cfg(utf8_paths)");
    println!("cargo::rustc-check-cfg=cfg(openmp)");
    if env::var_os("CARGO_FEATURE_OPENMP").is_some() {
        println!("cargo::rustc-cfg=openmp");
    }
    if minor < 16 {
        println!("cargo::rustc-cfg=utf8_paths");
    }
}
