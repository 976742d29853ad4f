//! System calls: the harness's only unsafe code.

pub mod ptrace;
