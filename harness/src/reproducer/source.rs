//! A reproducer that somebody wrote: one file in C or C++ with its build line.

use std::path::Path;

use super::{Form, ReproError, Reproducer, begin, copy, finish};

/// A file, and how it is built.
#[derive(Debug, Clone)]
pub struct FromSource<'a> {
    /// The file.
    pub source: &'a Path,
    /// The command that builds it; none for what its first line says.
    pub build: Option<&'a str>,
    /// What it shows.
    pub shows: &'a str,
}

/// Writes a reproducer that is this file to `dir`, which must be new or empty.
pub fn from_source(wanted: &FromSource<'_>, dir: &Path) -> Result<Reproducer, ReproError> {
    let text = crate::os::regular_file(wanted.source)
        .and_then(std::io::read_to_string)
        .map_err(|error| ReproError::Source(wanted.source.to_owned(), error.to_string()))?;
    let build = wanted.build.map(str::to_owned).or_else(|| said(&text, "build"));
    let build = build.ok_or_else(|| ReproError::NoBuildLine(wanted.source.to_owned()))?;
    command("build", &build, wanted.source)?;
    let run = said(&text, "run");
    command("run", run.as_deref().unwrap_or_default(), wanted.source)?;
    let run = match run {
        Some(run) => run.split_whitespace().map(str::to_owned).collect(),
        None => vec![format!("./{}", output(&build))],
    };
    let dir = begin(dir)?;
    let name = wanted.source.file_name().unwrap_or_default();
    copy::write(&dir.join(name), &text)?;
    // Headers of its own come along.
    for header in text.lines().filter_map(|line| line.trim().strip_prefix("#include \"")) {
        let header = header.split('"').next().unwrap_or_default();
        let from = wanted.source.with_file_name(header);
        if from.is_file() && !header.contains("..") && Path::new(header).is_relative() {
            copy::file(&from, &dir.join(header))?;
        }
    }
    let shows = wanted.shows.to_owned();
    let made =
        Reproducer { dir, shows, build, run, form: Form::Plain, redacted: Default::default() };
    let here = wanted.source.parent().and_then(|dir| dir.canonicalize().ok());
    finish(made, here.as_deref().unwrap_or(Path::new(".")))
}

/// That a line is a command and its arguments: whoever runs a reproducer expects a compiler to run, and
/// what `-o` names is looked for afterwards.
fn command(what: &'static str, line: &str, file: &Path) -> Result<(), ReproError> {
    let means = |c: &char| ";&|<>`$()\n\r".contains(*c);
    match line.chars().find(means) {
        None => Ok(()),
        Some(found) => Err(ReproError::Shell { what, file: file.to_owned(), found }),
    }
}

/// What one of the comments that a file begins with says: `// build: cc -o repro repro.c`.
fn said(text: &str, what: &str) -> Option<String> {
    let comments = text.lines().take_while(|line| line.starts_with("//") || line.starts_with("/*"));
    let mut said = comments.filter_map(|line| {
        let line = line.trim_start_matches(['/', '*', ' ']).trim_end_matches("*/").trim();
        Some(line.strip_prefix(what)?.strip_prefix(':')?.trim().to_owned())
    });
    said.next().filter(|line| !line.is_empty())
}

/// What a compiler is told to write.
fn output(build: &str) -> &str {
    let mut words = build.split_whitespace();
    words.by_ref().find(|word| *word == "-o");
    words.next().map_or("a.out", |name| name.trim_start_matches("./"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_a_shell_would_understand_otherwise_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("evil.c");
        let refused = |text: &str, build: Option<&str>| {
            std::fs::write(&file, text).unwrap();
            let to = dir.path().join("to");
            let made = from_source(&FromSource { source: &file, build, shows: "x" }, &to);
            let error = made.expect_err("taken");
            assert!(error.is_usage() && !to.exists(), "{error}");
            error.to_string()
        };
        for (line, found) in [
            ("// build: cc evil.c -o evil; touch X", "`;`"),
            ("// build: cc evil.c -o evil && ./evil", "`&`"),
            ("// build: cc $(flags) evil.c", "`$`"),
            ("// build: cc evil.c 2>log", "`>`"),
        ] {
            let told = refused(line, None);
            assert!(told.contains("the build line of") && told.contains(found), "{told}");
        }
        assert!(refused("int x;", Some("cc evil.c | tee log")).contains("`|`"));
        let told = refused("// build: cc evil.c\n// run: ./a.out; ls", None);
        assert!(told.contains("the run line of"), "{told}");
    }

    #[test]
    fn the_first_comments_say_how_it_is_built_and_run() {
        let text = "// build: cc -O2 -o ./hang hang.c\n/* run: ./hang 3 */\nint x; // build: no\n";
        assert_eq!(said(text, "build").as_deref(), Some("cc -O2 -o ./hang hang.c"));
        assert_eq!(said(text, "run").as_deref(), Some("./hang 3"));
        assert_eq!(said("int x;\n// build: cc\n", "build"), None);
        assert_eq!(output("cc -O2 -o ./hang hang.c"), "hang");
        assert_eq!(output("cc hang.c"), "a.out");
    }
}
