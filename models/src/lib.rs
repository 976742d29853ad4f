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
//! - `abba`: two locks in opposite orders, which must be found, and in one order, which must not.
//!
//! All but the last are no copies. They compile the very file that the product is made of
//! (`gate/protocol.rs`, `board/statement.rs`, `token/protocol.rs`) with loom's atomics in the place
//! of std's: those files take whatever they need of their surroundings from `super`. What is
//! modelled is only the kernel's futex, in `tests/kernel/`.
//!
//! Each of them explores a [`Model`] by name, counts the executions, and prints what came of it:
//! `cargo test -p standstill-models -- --nocapture` shows that.
//!
//! [loom]: https://docs.rs/loom

mod depth;
mod model;

pub use model::Model;
