//! What whisper.cpp and whisper-rs do when several threads create states at once, and what is
//! proposed against it.
//!
//! Lines are those of whisper.cpp 1.7.6 (in whisper-rs-sys 0.14.1, whisper-rs 0.15.1) and, after a
//! slash, of 1.8.3 (whisper-rs-sys 0.15.0, whisper-rs 0.16.0). The steps modelled here are the same in
//! both. `docs/models.md` says what these models do not show.

#[path = "../kernel/mod.rs"]
mod kernel;

mod callback;
mod create_state;
mod first_use;
mod ggml;
mod guards;
mod internal_mutex;
mod logger;
mod once_cell;
mod pool;
mod whisper;
