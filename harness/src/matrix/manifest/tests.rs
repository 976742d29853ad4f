//! Manifests of real packages, as cargo itself understands them.

use std::path::Path;

use super::*;

/// A workspace whose member inherits much and depends on one crate in many ways.
fn workspace() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "Cargo.toml",
        r#"
        [workspace]
        members = ["case", "helper"]
        resolver = "2"
        [workspace.package]
        version = "1.2.3"
        edition = "2021"
        [workspace.dependencies]
        tokio = { version = "1.27", default-features = false, features = ["sync"] }
        helper = { path = "helper" }
        [workspace.lints.rust]
        missing_docs = "deny"
        [profile.release]
        debug = 1
        [patch.crates-io]
        other = { path = "helper" }
        "#,
    );
    write(
        "case/Cargo.toml",
        r#"
        [package]
        name = "case"
        version.workspace = true
        edition.workspace = true
        links = "something"
        [package.metadata.standstill]
        catalog = "cases"
        subject = "tokio"
        [lints]
        workspace = true
        [[test]]
        name = "scenarios"
        harness = false
        [features]
        more = ["dep:extra", "tokio/rt"]
        [dependencies]
        tokio = { workspace = true, features = ["time"] }
        extra = { package = "log", version = "0.4", optional = true }
        [target.'cfg(unix)'.dependencies]
        libc = "0.2"
        [dev-dependencies]
        helper.workspace = true
        tokio = "1"
        "#,
    );
    write("case/build.rs", "fn main() {}");
    write("case/src/lib.rs", "");
    write("case/src/main.rs", "fn main() {}");
    write("case/src/bin/second.rs", "fn main() {}");
    write("case/tests/scenarios.rs", "fn main() {}");
    write("case/tests/other.rs", "");
    write("case/examples/unwanted.rs", "fn main() {}");
    write("helper/Cargo.toml", "[package]\nname = \"helper\"\nversion.workspace = true\n");
    write("helper/src/lib.rs", "");
    dir
}

fn registry(version: &str) -> Source {
    Source::Registry { version: version.parse().unwrap() }
}

fn scenarios(dir: &Path) -> Subject {
    Subject::scenarios(&dir.join("case/Cargo.toml"), "scenarios").unwrap()
}

fn text<'v>(value: &'v Value, way: &[&str]) -> Option<&'v str> {
    way.iter().try_fold(value, |value, key| value.get(key)).and_then(Value::as_str)
}

#[test]
fn nothing_is_inherited_and_one_dependency_is_pinned() {
    let dir = workspace();
    let made: Value = manifest(&scenarios(dir.path()), "tokio", &registry("1.28.0")).into();
    let text = |way: &[&str]| text(&made, way);
    assert_eq!(text(&["package", "version"]), Some("1.2.3"));
    assert_eq!(text(&["package", "edition"]), Some("2021"));
    assert_eq!(text(&["package", "links"]), Some("something"));
    assert_eq!(text(&["package", "metadata", "standstill", "catalog"]), Some("cases"));
    assert_eq!(text(&["workspace", "resolver"]), Some("2"));
    assert_eq!(text(&["dependencies", "tokio", "version"]), Some("=1.28.0"));
    assert_eq!(text(&["dev-dependencies", "tokio"]), Some("=1.28.0"));
    assert_eq!(made["dependencies"]["tokio"]["default-features"].as_bool(), Some(false));
    let features = made["dependencies"]["tokio"]["features"].as_array().unwrap();
    assert_eq!(features.len(), 2, "{features:?}");
    assert_eq!(text(&["dependencies", "extra", "package"]), Some("log"));
    assert_eq!(text(&["target", "cfg(unix)", "dependencies", "libc"]), Some("^0.2"));
    assert_eq!(made["profile"]["release"]["debug"].as_integer(), Some(1));
    let helper = dir.path().join("helper").canonicalize().unwrap();
    let is_helper = |path: Option<&str>| Path::new(path.unwrap()).canonicalize().unwrap() == helper;
    assert!(is_helper(text(&["dev-dependencies", "helper", "path"])));
    assert!(is_helper(text(&["patch", "crates-io", "other", "path"])));
    assert!(made.get("lints").is_none(), "lints are the original's affair");
}

#[test]
fn sources_are_the_originals_and_only_those_that_are_needed() {
    let dir = workspace();
    let made = manifest(&scenarios(dir.path()), "tokio", &registry("1.28.0"));
    let tests = made["test"].as_array().unwrap();
    assert_eq!(tests.len(), 1);
    assert_eq!(tests[0]["harness"].as_bool(), Some(false));
    assert_eq!(made["bin"].as_array().unwrap().len(), 2, "tests can ask for programs");
    for path in [&made["lib"], &tests[0], &made["package"]] {
        let path = path.get("path").or_else(|| path.get("build")).unwrap().as_str().unwrap();
        assert!(Path::new(path).is_absolute() && Path::new(path).is_file(), "{path}");
    }
    assert!(!made.contains_key("example"));
}

#[test]
fn cargo_takes_what_was_written() {
    let dir = workspace();
    let made = manifest(&scenarios(dir.path()), "tokio", &registry("1.28.0"));
    let package = dir.path().join("elsewhere");
    std::fs::create_dir(&package).unwrap();
    std::os::unix::fs::symlink(dir.path().join("case/src"), package.join("src")).unwrap();
    std::fs::write(package.join("Cargo.toml"), made.to_string()).unwrap();
    let again = Subject::scenarios(&package, "scenarios").unwrap();
    let names = |subject: &Subject| {
        let mut names: Vec<String> = subject.targets().map(|target| target.name.clone()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&again), names(&scenarios(dir.path())));
    assert_eq!(again.package.features, scenarios(dir.path()).package.features);
    assert_eq!(again.package.dependencies.len(), 5);
}

#[test]
fn a_directory_takes_the_place_of_what_is_published_wherever_it_is_needed() {
    let dir = workspace();
    let source = Source::Path { dir: "/checkout/tokio".into(), version: "1.99.0".parse().unwrap() };
    let made: Value = manifest(&scenarios(dir.path()), "tokio", &source).into();
    assert_eq!(text(&made, &["dependencies", "tokio", "version"]), Some("=1.99.0"));
    assert_eq!(text(&made, &["patch", "crates-io", "tokio", "path"]), Some("/checkout/tokio"));
    // What was a directory before is one again; there is nothing to patch.
    let made: Value = manifest(&scenarios(dir.path()), "helper", &source).into();
    assert_eq!(text(&made, &["dev-dependencies", "helper", "path"]), Some("/checkout/tokio"));
    assert!(made["patch"]["crates-io"].get("helper").is_none());
}

#[test]
fn a_commit_is_a_dependency_until_its_version_is_known() {
    let dir = workspace();
    let git = |version: Option<&str>| Source::Git {
        url: "https://example.org/tokio".into(),
        rev: "abc".into(),
        version: version.map(|version| version.parse().unwrap()),
    };
    let made: Value = manifest(&scenarios(dir.path()), "tokio", &git(None)).into();
    assert_eq!(text(&made, &["dependencies", "tokio", "rev"]), Some("abc"));
    assert!(made["patch"]["crates-io"].get("tokio").is_none());
    let made: Value = manifest(&scenarios(dir.path()), "tokio", &git(Some("2.0.0-a.1"))).into();
    assert_eq!(text(&made, &["dependencies", "tokio", "version"]), Some("=2.0.0-a.1"));
    assert_eq!(text(&made, &["patch", "crates-io", "tokio", "rev"]), Some("abc"));
}

#[test]
fn the_crate_under_test_is_named_declared_or_the_only_one() {
    let dir = workspace();
    let subject = scenarios(dir.path());
    assert_eq!(subject.crate_under_test(Some("log")).unwrap(), "log");
    assert_eq!(subject.crate_under_test(None).unwrap(), "tokio", "the manifest says so");
    let mut locked = subject.clone();
    locked.lock = Some("[[package]]\nname = \"indirect\"\nversion = \"1.0.0\"\n".to_owned());
    assert_eq!(locked.crate_under_test(Some("indirect")).unwrap(), "indirect");
    let error = locked.crate_under_test(Some("stranger")).unwrap_err().to_string();
    assert!(error.contains("does not depend on stranger"), "{error}");
    let mut silent = subject.clone();
    silent.package.metadata = serde_json::Value::Null;
    let error = silent.crate_under_test(None).unwrap_err().to_string();
    assert!(error.contains("--crate") && error.contains("libc, log, tokio"), "{error}");
    silent.package.dependencies.retain(|dependency| dependency.name == "tokio");
    assert_eq!(silent.crate_under_test(None).unwrap(), "tokio");
}

#[test]
fn of_several_programs_one_is_to_be_named() {
    let dir = workspace();
    let program = |bin| Subject::program(&dir.path().join("case"), bin);
    assert_eq!(program(Some("second")).unwrap().wanted, Wanted::Bin("second".into()));
    let error = program(None).unwrap_err().to_string();
    assert!(error.contains("several programs") && error.contains("case, second"), "{error}");
    assert!(program(Some("third")).is_err());
    let error = Subject::program(dir.path(), None).unwrap_err().to_string();
    assert!(error.contains("is no package"), "{error}");
    let error = Subject::program(&dir.path().join("nowhere"), None).unwrap_err().to_string();
    assert!(error.starts_with("failed to read"), "{error}");
}
