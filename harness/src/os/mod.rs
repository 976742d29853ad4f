//! System calls that no safe library offers: the harness's only `unsafe`.

pub mod cpu;
pub mod pagemap;
pub mod process;
pub mod ptrace;
pub mod shared;
pub mod signals;
