//! Generated models on disk.
//!
//! No lock: whoever finds none generates one under a name of its own and renames it into place, so a
//! reader sees a whole file or none, and nobody waits for a process that hangs. Racing processes
//! generate the same bytes twice, which costs some milliseconds once.

use super::checksum::{Summing, fnv1a};
use super::{REVISION, Shape, write};
use std::env;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{self, Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

/// The path of the model, generated at the first use.
///
/// The cache is `$STANDSTILL_CACHE`, else `$XDG_CACHE_HOME/standstill`, else
/// `$HOME/.cache/standstill`, else `standstill` in the directory for temporary files; of the last
/// three, the first that can be written to. A damaged file is generated anew.
pub fn cached(shape: &Shape) -> Result<PathBuf, String> {
    if let Some(named) = env::var_os("STANDSTILL_CACHE").filter(|value| !value.is_empty()) {
        return cached_in(Path::new(&named), shape);
    }
    let directory =
        |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let candidates = [
        directory("XDG_CACHE_HOME").map(|path| path.join("standstill")),
        directory("HOME").map(|path| path.join(".cache/standstill")),
        Some(env::temp_dir().join("standstill")),
    ];
    let mut outcome = Err("find a directory for the model".to_owned());
    for candidate in candidates.into_iter().flatten() {
        outcome = cached_in(&candidate, shape);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// [`cached`], in a directory of the caller's, which is created if need be.
pub fn cached_in(directory: &Path, shape: &Shape) -> Result<PathBuf, String> {
    if let Some(fault) = shape.fault() {
        return Err(format!("generate a model: {fault}"));
    }
    // The process that loads it may work in another directory.
    let directory = path::absolute(directory)
        .map_err(|error| format!("find the directory {}: {error}", directory.display()))?;
    let stem = format!("model-r{REVISION}-{:016x}", fnv1a(format!("{shape:?}").as_bytes()));
    let model = directory.join(format!("{stem}.bin"));
    let stamp = directory.join(format!("{stem}.sum"));
    if is_sound(&model, &stamp) {
        return Ok(model);
    }
    generate(&directory, shape, &model, &stamp)
        .map_err(|error| format!("generate the model {}: {error}", model.display()))?;
    Ok(model)
}

/// Whether the model is there, with the length and the checksum that were noted when it was made.
fn is_sound(model: &Path, stamp: &Path) -> bool {
    let Ok(noted) = fs::read_to_string(stamp) else { return false };
    let sum = || -> io::Result<String> {
        let mut file = File::open(model)?;
        // A file of another length needs no reading.
        if !noted.starts_with(&format!("{} ", file.metadata()?.len())) {
            return Ok(String::new());
        }
        let mut summing = Summing::new(io::sink());
        io::copy(&mut file, &mut summing)?;
        summing.finish().map(stamp_text)
    };
    sum().is_ok_and(|found| found == noted)
}

fn generate(directory: &Path, shape: &Shape, model: &Path, stamp: &Path) -> io::Result<()> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);

    fs::create_dir_all(directory)?;
    // With the time, as a killed process may have left a file and its id to another.
    let nanos = UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_nanos());
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let unique = format!("tmp-{}-{count}-{nanos}", process::id());
    let temporary = model.with_extension(unique);
    let made = File::create_new(&temporary)
        .and_then(|file| {
            let mut summing = Summing::new(BufWriter::with_capacity(1 << 20, file));
            write(shape, &mut summing)?;
            summing.finish()
        })
        .and_then(|sum| {
            fs::rename(&temporary, model)?;
            // Every process writes the same few bytes, so half a stamp costs no more than one
            // generation too many.
            fs::write(stamp, stamp_text(sum))
        });
    if made.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    made
}

fn stamp_text((length, sum): (u64, u64)) -> String {
    format!("{length} {sum:016x}\n")
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use std::thread;

    /// The embedded default, whatever machine generates it.
    const DEFAULT: &str = "7179819 58a16bc5b2d8f89b";

    fn directory(name: &str) -> PathBuf {
        let path = env::temp_dir().join(format!("standstill-cache-{}-{name}", process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    fn sum_of(path: &Path) -> String {
        let mut summing = Summing::new(io::sink());
        io::copy(&mut File::open(path).unwrap(), &mut summing).unwrap();
        stamp_text(summing.finish().unwrap())
    }

    #[test]
    fn the_default_model_has_the_same_bytes_everywhere() {
        let mut summing = Summing::new(io::sink());
        write(&Shape::default(), &mut summing).unwrap();
        assert_eq!(stamp_text(summing.finish().unwrap()).trim(), DEFAULT);
    }

    #[test]
    fn threads_that_race_all_get_the_whole_model() {
        let cache = directory("race");
        let shape = Shape::default();
        let paths: Vec<PathBuf> = thread::scope(|scope| {
            let actors: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let path = cached_in(&cache, &shape).unwrap();
                        assert_eq!(sum_of(&path).trim(), DEFAULT);
                        path
                    })
                })
                .collect();
            actors.into_iter().map(|actor| actor.join().unwrap()).collect()
        });
        assert!(paths.iter().all(|path| *path == paths[0]));
        let names = fs::read_dir(&cache).unwrap().count();
        assert_eq!(names, 2, "the model, its checksum and nothing temporary");
        fs::remove_dir_all(cache).unwrap();
    }

    #[test]
    fn a_damaged_model_is_generated_anew_and_a_sound_one_is_left_alone() {
        let cache = directory("damage");
        let shape = Shape::default();
        let path = cached_in(&cache, &shape).unwrap();
        let made = fs::metadata(&path).unwrap().modified().unwrap();
        cached_in(&cache, &shape).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), made);

        let sound = fs::read(&path).unwrap();
        let mut flipped = sound.clone();
        flipped[sound.len() / 2] ^= 1;
        for damaged in [&flipped[..], &sound[..sound.len() - 1], b""] {
            fs::write(&path, damaged).unwrap();
            cached_in(&cache, &shape).unwrap();
            assert!(fs::read(&path).unwrap() == sound);
        }
        fs::write(path.with_extension("sum"), "12 ").unwrap();
        cached_in(&cache, &shape).unwrap();
        assert_eq!(fs::read_to_string(path.with_extension("sum")).unwrap().trim(), DEFAULT);
        check(&path).unwrap();
        fs::remove_dir_all(cache).unwrap();
    }

    #[test]
    fn another_shape_is_another_file() {
        let cache = directory("shapes");
        let one = cached_in(&cache, &Shape::default()).unwrap();
        let two = cached_in(&cache, &Shape { seed: 2, ..Shape::default() }).unwrap();
        assert_ne!(one, two);
        assert_ne!(sum_of(&one), sum_of(&two));
        fs::remove_dir_all(cache).unwrap();
    }

    #[test]
    fn a_shape_that_no_whisper_could_use_is_refused() {
        let narrow = Shape { n_audio_state: 8, ..Shape::default() };
        let error = cached_in(&directory("narrow"), &narrow).unwrap_err();
        assert_eq!(error, "generate a model: a state of 8 is no multiple of 64");
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_named() {
        let file = directory("file");
        fs::write(&file, "").unwrap();
        let error = cached_in(&file.join("below"), &Shape::default()).unwrap_err();
        assert!(error.starts_with("generate the model ") && error.contains("below"), "{error}");
        fs::remove_file(file).unwrap();
    }
}
