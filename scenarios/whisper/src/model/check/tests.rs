//! Each fault that a user's file can have, and the sentence for it.

use super::*;
use crate::model::{Shape, write};
use std::path::PathBuf;

/// A file of its own for one test, gone with it.
struct Sample(PathBuf);

impl Sample {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let name = format!("standstill-check-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn fault(&self) -> String {
        let error = check(&self.0).unwrap_err();
        let start = format!("use the model {}: ", self.0.display());
        let fault = error.strip_prefix(&start).expect("the path is named");
        fault.strip_suffix(&format!("; {ADVICE}")).expect("there is advice").to_owned()
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn model() -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&Shape::default(), &mut bytes).unwrap();
    bytes
}

fn fault_of(name: &str, bytes: &[u8]) -> String {
    Sample::new(name, bytes).fault()
}

#[test]
fn generated_models_pass() {
    check(&Sample::new("half", &model()).0).unwrap();
    let mut single = Vec::new();
    write(&Shape { n_text_layer: 3, ..Shape::default() }, &mut single).unwrap();
    check(&Sample::new("single", &single).0).unwrap();
}

#[test]
fn what_is_no_file_is_said_so() {
    let missing = check(Path::new("/no/such/model.bin")).unwrap_err();
    assert_eq!(
        missing,
        "use the model /no/such/model.bin: there is no such file; \
         pass a ggml whisper model such as ggml-tiny.en.bin"
    );
    assert!(check(&std::env::temp_dir()).unwrap_err().contains(": it is a directory;"));
    assert!(check(Path::new("/dev/null")).unwrap_err().contains("not a regular file"));
    assert_eq!(fault_of("empty", b""), "it is empty");
}

#[test]
fn foreign_files_are_recognised() {
    let page = b"<!DOCTYPE html>".as_slice();
    let tensors = b"\x40\0\0\0\0\0\0\0{\"weight\":".as_slice();
    for (name, bytes, expected) in [
        ("gguf", b"GGUF\x03\0\0\0".as_slice(), "GGUF"),
        ("zip", b"PK\x03\x04....", "zip archive"),
        ("pickle", b"\x80\x02}q", "pickle"),
        ("page", page, "web page"),
        ("lfs", b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        ("safetensors", tensors, "safetensors"),
        ("noise", b"\x01\x02\x03\x04\x05", "it starts with [01, 02, 03, 04]"),
    ] {
        let fault = fault_of(name, bytes);
        assert!(fault.contains(expected), "{fault}");
    }
    // A voice activity model has ggml's magic too.
    let vad = [&MAGIC.to_le_bytes()[..], &10_i32.to_le_bytes(), b"silero-16k", &[0; 64]].concat();
    assert_eq!(
        fault_of("vad", &vad),
        "its header is not whisper's (n_vocab is 10, expected 51864 to 51866)"
    );
}

#[test]
fn a_truncated_model_never_passes() {
    let model = model();
    let whole = model.len();
    let early = (1..400).chain((400..70_000).step_by(997));
    let late = (70_000..whole).step_by(whole / 97).chain(whole - 400..whole);
    let sample = Sample::new("truncated", &model);
    let file = File::options().write(true).open(&sample.0).unwrap();
    // Downwards, as a file that has lost its end does not get it back.
    for length in early.chain(late).collect::<Vec<_>>().into_iter().rev() {
        file.set_len(length as u64).unwrap();
        let fault = sample.fault();
        if fault == "it holds no weights, as a model for testing alone does" {
            continue;
        }
        assert!(fault.starts_with(&format!("it ends after {length} of at least ")), "{fault}");
        // Once the vocabulary is read, the length is known exactly.
        if length > 70_000 {
            assert!(fault.ends_with(&format!(" {whole} bytes")), "{fault}");
        }
    }
}

#[test]
fn a_model_without_weights_does_not_pass() {
    let weights: u64 = Shape::default().header().tensors().iter().map(Tensor::bytes).sum();
    let mut model = model();
    model.truncate(model.len() - weights as usize);
    assert!(fault_of("weightless", &model).starts_with("it holds no weights"));
}

#[test]
fn damage_is_located() {
    let model = model();
    let find = |text: &[u8]| model.windows(text.len()).position(|part| part == text).unwrap();
    let damaged = |name: &str, at: usize, bytes: &[u8]| {
        let mut model = model.clone();
        model[at..at + bytes.len()].copy_from_slice(bytes);
        fault_of(name, &model)
    };
    assert_eq!(damaged("mels", 48, &[81]), "its mel filters are 81 x 201, expected 80 x 201");
    let words = 48 + 8 + 80 * 201 * 4;
    assert_eq!(damaged("words", words, &[0]), "its vocabulary has 0 words, expected 1 to 51865");
    assert_eq!(damaged("space", words + 8, b"_"), "its vocabulary lacks the space");
    let name = find(b"encoder.conv1.weight");
    let unknown = damaged("name", name, b"decoder");
    assert_eq!(unknown, "its tensor \"decoder.conv1.weight\" is unknown or there twice");
    let extents = damaged("extent", name - 4, &[65]);
    assert_eq!(
        extents,
        "its tensor encoder.conv1.weight is [3, 80, 65] of type 1, expected [3, 80, 64] of type 1"
    );
    assert!(damaged("head", name - 24, &[9]).ends_with("is no tensor"));
}

#[test]
fn what_follows_the_last_tensor_matters_as_it_does_to_whisper() {
    let mut model = model();
    model.extend([0; 11]);
    check(&Sample::new("padded", &model).0).unwrap();
    model.push(0);
    assert_eq!(fault_of("followed", &model), "12 bytes follow its last tensor");
}
