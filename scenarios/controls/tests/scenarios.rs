//! The controls as a test target.

fn main() -> std::process::ExitCode {
    standstill_kit::main(standstill_controls::ALL.iter().copied())
}
