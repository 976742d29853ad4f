//! The program `standstill` as its users meet it: good input, bad input, rude targets, sudden death.

mod bad_input;
mod death;
mod rude;
mod run;
mod stress;
mod watch;
mod wrapper;
