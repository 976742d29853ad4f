//! Loom models: of locking protocols under test, and of standstill's own lock-free code.
//!
//! [loom] runs a model once for every order in which its threads' steps can be taken and every
//! value that the memory model lets a load return. The models are ordinary tests, one file each
//! under `tests/`:
//!
//! - `gate`: the start gate of `standstill-kit`;
//! - `statement`: what several threads of a trial say on the board at once;
//! - `token`: how the threads of a controlled target hand over the right to run, and two broken
//!   twins of it, which must be rejected;
//! - `abba`: two locks in opposite orders, which must be found, and in one order, which must not;
//! - `whisper`: what whisper.cpp and whisper-rs share between threads that create states, and the fixes
//!   that are proposed. `docs/models.md` has their lines, their counts, and what they do not show.
//!
//! The first three are no copies. They compile the very file that the product is made of
//! (`gate/protocol.rs`, `board/statement.rs`, `token/protocol.rs`) with loom's atomics in the place
//! of std's: those files take whatever they need of their surroundings from `super`. What is
//! modelled is only the kernel's futex, in `tests/kernel/`. Those of `whisper` follow the steps of
//! C, C++ and Rust sources, which are named by version, file and line.
//!
//! Each explores a [`Model`] by name, counts the executions, and prints what came of it: a property
//! holds, a finding is found, a broken twin is rejected. `cargo test -p standstill-models --
//! --nocapture` shows that. `STANDSTILL_MODELS_DEPTH` (a number of preemptions, or `all`) and
//! `STANDSTILL_MODELS_SECONDS` (for each exploration) go deeper, and `ci/models` makes a table of it.
//!
//! [loom]: https://docs.rs/loom

mod depth;
mod model;

pub use model::Model;
