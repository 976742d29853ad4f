//! Hangs of which it is known who has what, against what standstill says of them.
//!
//! The program `hang` makes a hang and says beforehand who has and who wants each lock. [`child`]
//! starts it and waits until it stands, the library's `inspect` looks at it, [`compare`] holds the
//! wait-for graph against the truth, and [`tally`] counts. What must never happen: an owner that is
//! wrong and called proven, or a closed chain claimed where none is.

pub mod child;
pub mod compare;
pub mod run;
pub mod tally;
pub mod truth;
