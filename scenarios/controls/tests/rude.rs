//! The rude targets as a test target, for those who test the harness: most cannot pass.

fn main() -> std::process::ExitCode {
    standstill_kit::main(standstill_controls::RUDE.iter().copied())
}
