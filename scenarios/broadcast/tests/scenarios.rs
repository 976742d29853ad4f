//! The generated programs as a test target.

fn main() -> std::process::ExitCode {
    standstill_kit::main(standstill_broadcast::ALL.iter().copied())
}
