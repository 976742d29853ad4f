//! Flags of rustc, and how they get past cargo without taking the user's away.

use std::path::Path;

use super::Level;

/// What makes rustc call the points. What functions are entered and left is of no use here; volatile
/// accesses are told apart, since C programs (and some others) synchronise with them.
pub(super) fn rust(level: Level, points: &str) -> Vec<String> {
    let passes: &[&str] = match level {
        Level::Atomics => &["passes=tsan"],
        // At opt-level 0 too: `forceattrs` is otherwise not run there.
        Level::Memory => &[
            "passes=forceattrs",
            "passes=tsan",
            "llvm-args=-force-attribute=sanitize_thread",
            "llvm-args=-tsan-distinguish-volatile",
        ],
    };
    let rest = ["llvm-args=-tsan-instrument-func-entry-exit=0".to_owned()];
    let link = [format!("link-arg={points}")];
    let options = passes.iter().map(|pass| (*pass).to_owned()).chain(rest).chain(link);
    options.flat_map(|option| ["-C".to_owned(), option]).collect()
}

/// The variable that adds `ours`, and its value. Cargo takes flags from one place only, in this
/// order: `CARGO_ENCODED_RUSTFLAGS`, `RUSTFLAGS`, those of the target, those of `[build]`
/// (<https://doc.rust-lang.org/cargo/reference/config.html#buildrustflags>). So they are added in the
/// place that is in use; `configured` stands for the last.
pub(super) fn variable(
    host: &str,
    ours: &[String],
    configured: &[String],
    get: impl Fn(&str) -> Option<String>,
) -> (String, String) {
    const ENCODED: &str = "CARGO_ENCODED_RUSTFLAGS";
    let encoded = |before: Vec<&str>| {
        let all = before.into_iter().chain(ours.iter().map(String::as_str));
        (ENCODED.to_owned(), all.collect::<Vec<_>>().join("\x1f"))
    };
    if let Some(flags) = get(ENCODED) {
        return encoded(flags.split('\x1f').filter(|flag| !flag.is_empty()).collect());
    }
    if let Some(flags) = get("RUSTFLAGS").filter(|flags| !flags.trim().is_empty()) {
        return encoded(flags.split_whitespace().collect());
    }
    let name = format!("CARGO_TARGET_{}_RUSTFLAGS", host.to_uppercase().replace('-', "_"));
    let mut all: Vec<&str> = vec![];
    let before = get(&name).unwrap_or_default();
    all.extend(before.split_whitespace());
    if all.is_empty() {
        all.extend(configured.iter().map(String::as_str));
    }
    all.extend(ours.iter().map(String::as_str));
    // Flags of the target in configuration files are joined to these by cargo.
    (name, all.join(" "))
}

/// The flags of `[build]` in cargo's configuration, as seen from `dir`: none where the configuration
/// has flags for the target, which cargo prefers.
pub fn configured(dir: &Path, host: &str, cargo_home: Option<&Path>) -> Vec<String> {
    let homes = dir.ancestors().map(|dir| dir.join(".cargo")).chain(cargo_home.map(Path::to_owned));
    let files = homes.flat_map(|home| [home.join("config.toml"), home.join("config")]);
    let tables: Vec<toml::Table> =
        files.filter_map(|file| std::fs::read_to_string(file).ok()?.parse().ok()).collect();
    let has_target = tables.iter().any(|table| {
        let targets = table.get("target").and_then(toml::Value::as_table);
        targets.is_some_and(|targets| {
            targets.iter().any(|(name, value)| {
                (name == host || name.starts_with("cfg(")) && value.get("rustflags").is_some()
            })
        })
    });
    if has_target {
        return vec![];
    }
    // The nearest file comes last, as cargo joins them.
    let flags = tables.iter().rev().filter_map(|table| table.get("build")?.get("rustflags"));
    flags.flat_map(list).collect()
}

/// A list of strings, or one string with spaces.
fn list(value: &toml::Value) -> Vec<String> {
    match value {
        toml::Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        toml::Value::Array(all) => {
            all.iter().filter_map(|flag| Some(flag.as_str()?.to_owned())).collect()
        }
        _ => vec![],
    }
}
