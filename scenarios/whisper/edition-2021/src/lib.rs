#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]
//! What is safe Rust until edition 2021, and what most programs are still written in.

/// `std::env::set_var`, safe here and unsafe from edition 2024 on.
pub fn set_var(name: &str, value: &str) {
    std::env::set_var(name, value);
}
