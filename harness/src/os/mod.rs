//! System calls that no safe library offers: the harness's only `unsafe`.

#[cfg(feature = "cli")]
pub mod control;
pub mod cpu;
pub mod pagemap;
pub mod process;
#[cfg(feature = "cli")]
pub mod pthread;
pub mod ptrace;
pub mod shared;
pub mod signals;

/// The text of a file of `/proc`. The names of programs and files in it may be any bytes.
pub fn proc_text(path: impl AsRef<std::path::Path>) -> std::io::Result<String> {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Opens a file to be read to its end, which one that is no regular file need not have: to open a fifo,
/// or to read a device, may take for ever.
pub fn regular_file(path: impl AsRef<std::path::Path>) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    let refused = || std::io::Error::other("it is no regular file");
    if !std::fs::metadata(&path)?.is_file() {
        return Err(refused());
    }
    // It may have become another one meanwhile.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(refused()) }
}
