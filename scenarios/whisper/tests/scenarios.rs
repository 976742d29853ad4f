//! The whisper scenarios as a test target.

fn main() -> std::process::ExitCode {
    standstill_kit::main(standstill_whisper::scenarios::all())
}
