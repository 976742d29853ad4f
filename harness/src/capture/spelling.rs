//! One spelling for one source file, in stacks as in tables and evidence: from here if it lies below,
//! else as debug information has it, without the steps that lead nowhere.
//!
//! Where it is read is the directory that standstill was started in, as a rule that of the sources. The
//! release of a crate, the compiler's own sources and the standard library's are of nobody's directory,
//! wherever that is.

use std::path::Path;
use std::sync::LazyLock;

use super::text::shorten;

/// The directory that standstill was started in, if it can lie above sources.
static HERE: LazyLock<Option<String>> = LazyLock::new(|| {
    let here = std::env::current_dir().ok()?.into_os_string().into_string().ok()?;
    (here != "/").then_some(here)
});

/// The path as it is told everywhere.
pub(super) fn spelled(path: &str) -> String {
    from(path, HERE.as_deref())
}

fn from(path: &str, here: Option<&str>) -> String {
    let path = path.replace("/./", "/");
    let is_of_nobody = shorten(&path) != path;
    let below =
        here.filter(|_| !is_of_nobody).and_then(|here| Path::new(&path).strip_prefix(here).ok());
    below.and_then(Path::to_str).map_or_else(|| path.clone(), str::to_owned)
}

/// The same beside a function, where there is less room: a release by its name and version, and the
/// language's libraries by the path that they have in the language's own repository.
#[cfg(feature = "cli")]
pub(crate) fn short(path: &str) -> String {
    let library = path.rsplit_once("/library/").map(|(_, tail)| tail);
    match library.filter(|_| path.starts_with("/rustc/") || path.contains("/rustlib/src/")) {
        Some(tail) => format!("library/{tail}"),
        None => shorten(path).to_owned(),
    }
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_spelling_wherever_it_is_told() {
        for (path, here, told) in [
            ("/tmp/a5/hang.c", "/tmp/a5", "hang.c"),
            ("/tmp/a5/./hang.c", "/tmp/a5", "hang.c"),
            ("/tmp/a5/src/hang.c", "/tmp", "a5/src/hang.c"),
            ("/tmp/a5/hang.c", "/tmp/a", "/tmp/a5/hang.c"),
            ("/tmp/a5/hang.c", "/home/me", "/tmp/a5/hang.c"),
            ("src/main.rs", "/home/me", "src/main.rs"),
            ("./nptl/pthread_mutex_lock.c", "/home/me", "./nptl/pthread_mutex_lock.c"),
        ] {
            assert_eq!(from(path, Some(here)), told);
            assert_eq!(short(&from(path, Some(here))), told);
        }
        assert_eq!(from("/tmp/hang.c", None), "/tmp/hang.c");
    }

    #[test]
    fn what_is_of_nobodys_directory_is_not_told_from_there() {
        let release = "/home/me/.cargo/registry/src/index/tokio-1.0.0/src/lib.rs";
        assert_eq!(from(release, Some("/home/me")), release);
        assert_eq!(short(release), "tokio-1.0.0/src/lib.rs");
        let core = "/home/me/.rustup/toolchains/x/lib/rustlib/src/rust/library/core/src/cmp.rs";
        assert_eq!(from(core, Some("/home/me")), core);
        assert_eq!(short(core), "library/core/src/cmp.rs");
        assert_eq!(short("/rustc/ab12/library/core/src/cmp.rs"), "library/core/src/cmp.rs");
    }
}
