//! The founding claim as a test target.

fn main() -> std::process::ExitCode {
    standstill_kit::main(standstill_whisper_versions::ALL.iter().copied())
}
