//! The program `standstill` as its users meet it: good input, bad input, rude targets, sudden death.

mod bad_input;
mod build;
mod classify;
mod death;
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
mod explore;
mod forensics;
mod inspect;
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
mod matrix;
mod report;
mod reproducer;
mod rude;
mod run;
mod shrink;
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
mod smaller;
mod stress;
mod sweep;
mod targets;
mod terminal;
mod watch;
mod wrapper;
