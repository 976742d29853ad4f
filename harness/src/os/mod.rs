//! System calls that no safe library offers: the harness's only `unsafe`.

#[cfg(feature = "cli")]
pub mod control;
pub mod cpu;
pub mod pagemap;
pub mod process;
pub mod ptrace;
pub mod shared;
pub mod signals;

/// The text of a file of `/proc`. The names of programs and files in it may be any bytes.
pub fn proc_text(path: impl AsRef<std::path::Path>) -> std::io::Result<String> {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
