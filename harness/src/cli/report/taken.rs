//! What a report is made of: runs, each of them once, and a template.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::cli::{Failure, complain, runs};
use crate::store::Run;

/// The runs in these directories, or the last one, and where they are. A run that is there twice, also
/// as a copy, is taken once: its trials would count twice in all numbers.
pub(super) fn runs(named: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<Run>), Failure> {
    let dirs = match named {
        [] => vec![last()?],
        named => named.to_vec(),
    };
    let all = dirs.iter().map(|dir| runs::load(dir)).collect::<Result<Vec<Run>, Failure>>()?;
    let (kept, sentences) = distinct(all);
    sentences.iter().for_each(|sentence| complain(&format!("standstill: note: {sentence}")));
    Ok((dirs, kept))
}

/// Each run once, in the order in which they were named, and a sentence for each that was left out.
/// Of copies that which holds most is taken.
fn distinct(all: Vec<Run>) -> (Vec<Run>, Vec<String>) {
    let (mut kept, mut sentences) = (Vec::<Run>::new(), vec![]);
    for run in all {
        let Some(known) = kept.iter_mut().find(|known| known.is_same(&run)) else {
            kept.push(run);
            continue;
        };
        let (mut taken, mut left) = (known.dir.clone(), run.dir.clone());
        if run.size() > known.size() {
            std::mem::swap(&mut taken, &mut left);
            *known = run;
        }
        let (taken, left) = (taken.display(), left.display());
        sentences.push(match taken.to_string() == left.to_string() {
            true => format!("{left} was named twice and counts once"),
            false => format!("{left} is left out: it is the same run as {taken}"),
        });
    }
    (kept, sentences)
}

/// The run that was begun last, by the name of its own directory; says which that is.
fn last() -> Result<PathBuf, Failure> {
    let dir = runs::last()?;
    let dir = dir.canonicalize().unwrap_or(dir);
    if let Ok(run) = Run::load(&dir) {
        let told = runs::told(&run.header, &dir);
        complain(&format!("standstill: note: this is of the last run, {told}"));
    }
    Ok(dir)
}

/// A template of the user's, which is a file of some size.
pub(super) fn template(path: &Path) -> Result<String, Failure> {
    /// Many times the built-in one.
    const MOST: u64 = 1 << 20;

    let read = || -> std::io::Result<String> {
        let mut text = String::new();
        let mut file = crate::os::regular_file(path)?.take(MOST + 1);
        file.read_to_string(&mut text)?;
        match text.len() as u64 > MOST {
            true => Err(std::io::Error::other("it is larger than 1 MiB")),
            false => Ok(text),
        }
    };
    read().map_err(|error| {
        Failure::usage(anyhow!("failed to read the template {}: {error}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{clean, header, run, unit};

    fn of(id: &str, dir: &str, trials: u64) -> Run {
        let mut header = header(vec![unit("transfer", 2, 9)]);
        header.whence.id = id.to_owned();
        let mut run = run(&header, (0..trials).map(|index| clean(&header, 0, index)).collect());
        run.dir = dir.into();
        run
    }

    #[test]
    fn a_run_that_is_there_twice_counts_once() {
        let all = vec![of("a", "one", 2), of("b", "two", 2), of("a", "one", 2), of("a", "copy", 3)];
        let (kept, sentences) = distinct(all);
        let kept: Vec<_> = kept.iter().map(|run| (run.dir.to_str().unwrap(), run.size())).collect();
        assert_eq!(kept, [("copy", 3), ("two", 2)]);
        let said =
            ["one was named twice and counts once", "one is left out: it is the same run as copy"];
        assert_eq!(sentences, said);
    }

    #[test]
    fn a_template_is_a_file_of_some_size() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mine.md");
        let why = |path: &Path| template(path).err().unwrap().error.to_string();
        assert!(why(Path::new("/dev/zero")).contains("it is no regular file"));
        std::fs::write(&file, vec![b'x'; (1 << 20) + 1]).unwrap();
        assert!(why(&file).contains("it is larger than 1 MiB"));
        std::fs::write(&file, "{{ headline }}").unwrap();
        assert!(template(&file).is_ok_and(|text| text == "{{ headline }}"));
    }
}
