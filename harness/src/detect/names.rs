//! Paths of functions, from what the symbolizer says of them.

use crate::capture::Frame;

/// A frame's function as a path without generic arguments.
///
/// Line tables alone, without the rest of the debug information, give an inlined call a bare name:
/// `lock<()>`, `{closure#0}`. Its file then says where it belongs, as modules follow files:
/// `std::sync::poison::mutex::lock`. The type is lost, and the directory stands for the crate.
pub(crate) fn path(frame: &Frame) -> Option<String> {
    let name = plain(frame.function.as_deref()?);
    let module = match name.contains("::") {
        true => None,
        false => frame.file.as_deref().and_then(module_of),
    };
    Some(module.map_or(name.clone(), |module| format!("{module}::{name}")))
}

/// The module that a Rust file holds: `.../parking_lot-0.12.5/src/raw_mutex.rs` is
/// `parking_lot::raw_mutex`.
fn module_of(file: &str) -> Option<String> {
    let (root, inside) = file.strip_suffix(".rs")?.rsplit_once("/src/")?;
    let directory = root.rsplit('/').next()?;
    // A version begins with the first digit after a dash.
    let version = directory
        .match_indices('-')
        .find(|(at, _)| directory[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    let name = version.map_or(directory, |(at, _)| &directory[..at]);
    let mut module = vec![name.replace('-', "_")];
    module.extend(inside.split('/').map(str::to_owned));
    if module.len() > 1 && module.last().is_some_and(|m| matches!(&**m, "mod" | "lib" | "main")) {
        module.pop();
    }
    Some(module.join("::"))
}

/// A function's path without generic arguments and without the brackets of an `impl`:
/// `<std::sync::mpsc::Receiver<T>>::recv` becomes `std::sync::mpsc::Receiver::recv`.
fn plain(name: &str) -> String {
    // `<T as Trait>::f` belongs to the type that implements it.
    let mut name = name;
    let rest;
    if let Some(inner) = name.strip_prefix('<') {
        let mut depth = 1;
        if let Some(end) = inner.char_indices().find_map(|(i, c)| {
            match c {
                '<' => depth += 1,
                '>' if !inner[..i].ends_with('-') => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(i)
        }) {
            let subject = inner[..end].split(" as ").next().unwrap_or("");
            rest = format!("{}{}", subject.trim_start_matches('&'), &inner[end + 1..]);
            name = &rest;
        }
    }
    let mut out = String::with_capacity(name.len());
    let mut depth = 0_u32;
    let mut previous = ' ';
    for c in name.chars() {
        match c {
            '<' => {
                depth += 1;
                // `path::<args>` and `path<args>` are the same path.
                if depth == 1 && out.ends_with("::") {
                    out.truncate(out.len() - 2);
                }
            }
            '>' if previous != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(c),
            _ => {}
        }
        previous = c;
    }
    let name = match out.find('(') {
        Some(0) | None => &out[..],
        Some(end) => &out[..end],
    };
    // C++ writes what a template returns before its name.
    match name.rsplit_once(' ') {
        Some((_, name)) if name.contains("::") && !out.contains("operator") => name.to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Trust;

    #[test]
    fn a_path_loses_its_generics_and_keeps_its_type() {
        for (name, path) in [
            ("<std::sync::mpsc::Receiver<u8>>::recv", "std::sync::mpsc::Receiver::recv"),
            ("std::sync::poison::mutex::Mutex<T>::lock", "std::sync::poison::mutex::Mutex::lock"),
            ("<a::B as core::ops::Fn<()>>::call", "a::B::call"),
            ("lock_api::mutex::Mutex<R,T>::lock", "lock_api::mutex::Mutex::lock"),
            (
                "core::ops::function::FnOnce::call_once::<fn() -> u8>",
                "core::ops::function::FnOnce::call_once",
            ),
            ("std::mutex::lock()", "std::mutex::lock"),
            ("main", "main"),
            ("<", "<"),
        ] {
            assert_eq!(plain(name).trim_start_matches('<'), path.trim_start_matches('<'));
        }
    }

    #[test]
    fn a_bare_name_is_placed_by_its_file() {
        let registry = "/home/me/.cargo/registry/src/registry-1";
        for (function, file, want) in [
            (
                "lock<()>",
                "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/sync/poison/mutex.rs",
                "std::sync::poison::mutex::lock",
            ),
            (
                "lock<parking_lot::raw_mutex::RawMutex, i32>",
                &format!("{registry}/lock_api-0.4.14/src/mutex.rs"),
                "lock_api::mutex::lock",
            ),
            (
                "{closure#0}<std::sync::mpmc::list::{impl#3}::recv::{closure_env#1}<u32>, ()>",
                &format!("{registry}/crossbeam-channel-0.5.17/src/context.rs"),
                "crossbeam_channel::context::{closure#0}",
            ),
            ("drop", "/src/my-app/src/lib.rs", "my_app::drop"),
            ("run", "/home/me/src/app/src/net/mod.rs", "app::net::run"),
            // Not bare, not Rust, not in a crate's `src`: as it is.
            ("std::sync::Mutex<T>::lock", "/x/std/src/other.rs", "std::sync::Mutex::lock"),
            ("take", "/x/liba/src/take.c", "take"),
            ("test_case", "/x/app/tests/it.rs", "test_case"),
        ] {
            let frame = Frame {
                pc: 0,
                function: Some(function.to_owned()),
                file: Some(file.to_owned()),
                line: None,
                module: None,
                module_address: None,
                inlined: true,
                trust: Trust::Unwound,
            };
            assert_eq!(path(&frame).as_deref(), Some(want));
        }
    }
}
