//! standstill finds, explains and proves deadlocks, hangs and races in native Rust and the C/C++
//! underneath.

pub mod capture;
pub mod os;
pub mod verdict;
