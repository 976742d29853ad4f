//! The same program over several versions of one crate: each built by itself, all of them tried alike.
//!
//! [`subject`] reads the package, [`manifest`] writes it again over another [`source`] of the crate,
//! [`workshop`] builds that, [`index`] knows which versions there are, and [`bisect`] finds the one at
//! which a finding begins or ends, which [`search`] runs. [`lab`] makes the trials, and [`record`] is
//! what is kept of them: [`keep`] writes it, and [`merge`] puts what several commands found together.

pub mod bisect;
pub mod child;
pub mod index;
pub mod keep;
pub mod lab;
pub mod manifest;
pub mod merge;
pub mod record;
pub mod search;
pub mod source;
pub mod subject;
pub mod workshop;

pub use workshop::cargo_home;
