use std::path::Path;

use super::*;

const HOST: &str = "x86_64-unknown-linux-gnu";

fn variable(configured: &[&str], set: &[(&str, &str)]) -> (String, String) {
    let configured: Vec<String> = configured.iter().map(|flag| (*flag).to_owned()).collect();
    let get = |name: &str| {
        set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    flags::variable(HOST, &["-C".to_owned(), "ours".to_owned()], &configured, get)
}

#[test]
fn flags_are_added_where_cargo_would_look() {
    const OWN: &str = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS";
    for (configured, set, name, value) in [
        (vec![], vec![], OWN, "-C ours"),
        (vec!["-g"], vec![], OWN, "-g -C ours"),
        (vec!["-g"], vec![(OWN, "-O")], OWN, "-O -C ours"),
        (vec!["-g"], vec![("RUSTFLAGS", "")], OWN, "-g -C ours"),
        (
            vec!["-g"],
            vec![("RUSTFLAGS", " --cfg a  -O")],
            "CARGO_ENCODED_RUSTFLAGS",
            "--cfg\x1fa\x1f-O\x1f-C\x1fours",
        ),
        (
            vec![],
            vec![("RUSTFLAGS", "-O"), ("CARGO_ENCODED_RUSTFLAGS", "--cfg\x1fa=\"b c\"")],
            "CARGO_ENCODED_RUSTFLAGS",
            "--cfg\x1fa=\"b c\"\x1f-C\x1fours",
        ),
        (vec![], vec![("CARGO_ENCODED_RUSTFLAGS", "")], "CARGO_ENCODED_RUSTFLAGS", "-C\x1fours"),
    ] {
        assert_eq!(variable(&configured, &set), (name.to_owned(), value.to_owned()), "{set:?}");
    }
}

#[test]
fn flags_of_configuration_files_are_found_unless_cargo_prefers_others() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("inner");
    let write = |at: &Path, text: &str| {
        std::fs::create_dir_all(at.join(".cargo")).unwrap();
        std::fs::write(at.join(".cargo/config.toml"), text).unwrap();
    };
    write(dir.path(), "[build]\nrustflags = '-C target-cpu=native'\n");
    write(&inner, "[build]\nrustflags = ['-g']\n");
    assert_eq!(configured(&inner, HOST, None), ["-C", "target-cpu=native", "-g"]);
    write(&inner, "[target.'cfg(unix)']\nrustflags = ['-g']\n");
    assert_eq!(configured(&inner, HOST, None), [""; 0]);
    assert_eq!(configured(dir.path(), HOST, None), ["-C", "target-cpu=native"]);
}

#[test]
fn level_three_asks_for_more_than_level_two() {
    let [two, three] = Level::ALL.map(|level| flags::rust(level, "/points.o"));
    assert!(two.iter().all(|flag| three.contains(flag)));
    assert!(three.iter().any(|flag| flag.contains("sanitize_thread")));
    assert!(!two.iter().any(|flag| flag.contains("sanitize_thread")));
    assert_eq!(three.last().unwrap(), "link-arg=/points.o");
}

#[test]
fn a_binary_without_the_section_carries_nothing() {
    let own = std::fs::read("/proc/self/exe").unwrap();
    assert_eq!(carried::carried(&own), None);
    assert_eq!(carried::carried(b"#!/bin/sh\n"), None);
}

#[cfg(controlled)]
#[test]
fn the_points_define_what_the_compilers_call() {
    use object::{Object, ObjectSymbol};
    for level in Level::ALL {
        let file = object::File::parse(points(level).unwrap()).unwrap();
        let (defined, missing): (Vec<_>, Vec<_>) = file
            .symbols()
            .filter(|symbol| symbol.is_global())
            .partition(object::ObjectSymbol::is_definition);
        let names = |all: &[object::Symbol<'_, '_>]| {
            let mut names: Vec<_> = all.iter().map(|s| s.name().unwrap().to_owned()).collect();
            names.sort();
            names
        };
        let defined = names(&defined);
        assert_eq!(names(&missing), ["dlsym", "memcpy", "memmove", "memset"]);
        for width in [8, 16, 32, 64, 128] {
            for operation in ["load", "store", "exchange", "fetch_nand", "compare_exchange_val"] {
                let name = format!("__tsan_atomic{width}_{operation}");
                assert!(defined.binary_search(&name).is_ok(), "{name}");
            }
        }
        assert!(file.section_by_name(level.section()).is_some());
    }
}

#[test]
fn a_compiler_gets_the_flag_where_it_compiles_and_the_points_where_it_links() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cc");
    let echo = Compiler { name: "cc", variable: "CC", command: "echo real".to_owned() };
    compilers::write(&path, &echo.script("-fsanitize=thread", Path::new("/points.o"))).unwrap();
    for (given, made) in [
        ("-O2 -c a.c -o a.o", "real -fsanitize=thread -O2 -c a.c -o a.o"),
        ("-E a.c", "real -fsanitize=thread -E a.c"),
        ("a.o -o a", "real a.o -o a -x none /points.o"),
        ("-shared a.o -oliba.so", "real -shared a.o -oliba.so -x none /points.o"),
        ("-r a.o b.o -o c.o", "real -r a.o b.o -o c.o"),
        ("--version", "real --version"),
        ("-dumpmachine", "real -dumpmachine"),
    ] {
        let output = std::process::Command::new(&path).args(given.split(' ')).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), made);
    }
}
