//! The program `standstill`: exit codes, nothing else.

use std::process::ExitCode;

use standstill::cli::{self, Failure};
use standstill::protocol::Role;
use standstill::supervise::keeper;

fn main() -> ExitCode {
    if let Ok(Some(Role::Keeper)) = Role::of_this_process() {
        return keeper::main();
    }
    match cli::main() {
        Ok(exit) => exit.into(),
        Err(Failure { exit, error }) => {
            cli::complain(&format!("error: {error:#}"));
            exit.into()
        }
    }
}
