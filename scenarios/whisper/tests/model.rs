//! whisper.cpp itself on the generated model: it loads, it transcribes, and always the same.

use standstill_whisper::model::{Shape, cached};
use standstill_whisper::{
    Transcript, audio, bridge, has_openmp, load, parameters, read, transcribe,
};
use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use whisper_rs::WhisperContext;

fn context() -> WhisperContext {
    load(&cached(&Shape::default()).unwrap()).unwrap()
}

fn transcript(context: &WhisperContext) -> Transcript {
    transcribe(&mut context.create_state().unwrap()).unwrap()
}

#[test]
fn a_transcript_has_text_and_probable_tokens() {
    let transcript = transcript(&context());
    let [segment] = &transcript.segments[..] else { panic!("one segment, not {transcript:?}") };
    assert!(!segment.text.is_empty(), "{segment:?}");
    assert!(segment.tokens.len() > 1, "{segment:?}");
    for token in &segment.tokens {
        assert!(token.probability > 0.0 && token.probability <= 1.0, "{token:?}");
    }
}

#[test]
fn every_run_gives_the_same_bits() {
    let context = context();
    let first = transcript(&context);
    let mut state = context.create_state().unwrap();
    for run in 0..3 {
        assert_eq!(transcribe(&mut state).unwrap(), first, "run {run} of one state");
    }
    assert_eq!(transcript(&context), first, "a new state");
    assert_eq!(transcript(&self::context()), first, "a new context");
}

#[test]
fn two_threads_at_once_give_the_same_bits() {
    let shared = context();
    let expected = transcript(&shared);
    let gate = Barrier::new(4);
    thread::scope(|scope| {
        for own in [false, false, true, true] {
            let (shared, gate, expected) = (&shared, &gate, &expected);
            scope.spawn(move || {
                let own = own.then(context);
                gate.wait();
                for _ in 0..3 {
                    assert_eq!(transcript(own.as_ref().unwrap_or(shared)), *expected);
                }
            });
        }
    });
}

/// Else a wrong result of the encoder could not be told from a right one.
#[test]
fn another_audio_gives_other_bits() {
    let context = context();
    let mut state = context.create_state().unwrap();
    let sweep = transcribe(&mut state).unwrap();
    let quiet: Vec<f32> = audio::sweep(300).iter().map(|sample| sample * 0.1).collect();
    bridge::full(&mut state, parameters(), &quiet).unwrap();
    assert_ne!(read(&state).unwrap(), sweep);
}

#[test]
fn a_prompt_can_be_tokenised() {
    let tokens = context().tokenize("Hello, whisper!", 32).unwrap();
    assert_eq!(tokens.len(), 15);
}

#[test]
fn a_large_model_transcribes_too() {
    let path = cached(&Shape::large()).unwrap();
    let megabytes = fs::metadata(&path).unwrap().len() / 1_000_000;
    assert!((70..80).contains(&megabytes), "{megabytes} MB");
    assert_eq!(transcript(&load(&path).unwrap()).segments.len(), 1);
}

#[test]
fn a_bad_path_is_refused_before_whisper_sees_it() {
    let error = load(Path::new("/no/such/model.bin")).map(drop).unwrap_err();
    assert!(error.contains("there is no such file"), "{error}");
}

#[test]
fn the_version_is_the_one_the_manifest_pins() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("whisper-rs = \"={}\"", bridge::WHISPER_RS)));
}

#[test]
fn it_is_told_truly_whether_openmp_is_in() {
    let told = whisper_rs::print_system_info();
    assert_eq!(has_openmp().unwrap(), told.contains("OPENMP = 1"), "{told}");
    assert_eq!(has_openmp().unwrap(), cfg!(openmp));
}
