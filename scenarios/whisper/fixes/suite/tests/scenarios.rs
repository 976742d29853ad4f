//! Every generic whisper scenario plainly and over each candidate fix, side by side in one run: so each
//! fix's variant is a control of the plain one.

use std::process::ExitCode;

use standstill_whisper::guard::{
    CreateMutex, FullSemaphore, InternalMutex, OnceCellMutex, Plain, StatePool, UsersMutex,
};
use standstill_whisper::scenarios::{over, reentrant};

fn main() -> ExitCode {
    let scenarios = over::<Plain>()
        .into_iter()
        .chain(over::<InternalMutex>())
        .chain(over::<CreateMutex>())
        .chain(over::<OnceCellMutex>())
        .chain(over::<StatePool>())
        .chain(over::<FullSemaphore>())
        .chain([reentrant::<UsersMutex>()]);
    standstill_kit::main(scenarios)
}
