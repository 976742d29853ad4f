//! Levels 2 and 3 of control: programs that are compiled anew, with scheduling points of their own.
//!
//! The compilers instrument for ThreadSanitizer, and are linked to standstill's points
//! (`scheduler/points/`) instead of its runtime: at level 2 every atomic operation is a point, at
//! level 3 every access to memory may be one. This works with stable compilers: `-C passes` adds
//! passes of LLVM to rustc's own, `tsan` instruments atomics in any function and other accesses in
//! those that have the attribute `sanitize_thread`, and `forceattrs` gives it to all. No `__tsan_init`
//! is called that way, nor are the precompiled parts of std instrumented.
//!
//! All of it hangs on names that LLVM does not promise, so what was built is looked at
//! ([`carried`]) and a binary without points is an error.

pub mod carried;
mod compilers;
mod flags;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use compilers::Compiler;
pub use flags::configured;

/// How much of a program its points cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 2: every atomic operation of the code that was compiled.
    Atomics,
    /// 3: every access to memory of the code that was compiled.
    Memory,
}

impl Level {
    /// Both.
    pub const ALL: [Level; 2] = [Level::Atomics, Level::Memory];

    /// 2 or 3.
    pub fn number(self) -> u8 {
        match self {
            Level::Atomics => 2,
            Level::Memory => 3,
        }
    }

    /// The section in which a program of this level has its points. It is kept when a binary is
    /// stripped, and the code in it must not be patched.
    pub fn section(self) -> &'static str {
        match self {
            Level::Atomics => "standstill_l2",
            Level::Memory => "standstill_l3",
        }
    }
}

/// The points of a level, to be linked into every instrumented program; `None` where there are none:
/// they exist for Linux on x86-64.
#[cfg(controlled)]
pub fn points(level: Level) -> Option<&'static [u8]> {
    Some(match level {
        Level::Atomics => include_bytes!(env!("STANDSTILL_POINTS_2")),
        Level::Memory => include_bytes!(env!("STANDSTILL_POINTS_3")),
    })
}

/// See above.
#[cfg(not(controlled))]
pub fn points(_: Level) -> Option<&'static [u8]> {
    None
}

/// What an instrumented build uses, in a target directory of its own.
#[derive(Debug)]
pub struct Kit {
    level: Level,
    host: String,
    dir: PathBuf,
    points: PathBuf,
    compilers: Vec<(&'static str, PathBuf)>,
}

impl Kit {
    /// Writes the points and the compilers' wrappers below `target`. The error reads after "failed to".
    ///
    /// The object's name holds a hash of it: cargo builds anew when the points have changed.
    pub fn write(level: Level, host: &str, target: &Path) -> Result<Kit, String> {
        let object = points(level).ok_or("instrument: that needs Linux on x86-64")?;
        let dir = target.join(format!("standstill-l{}", level.number()));
        let tools = dir.join("standstill");
        let failed = |error: std::io::Error| format!("write below {}: {error}", dir.display());
        std::fs::create_dir_all(&tools).map_err(failed)?;
        let hash = Sha256::digest(object);
        let points = tools.join(format!("points-{:02x}{:02x}{:02x}.o", hash[0], hash[1], hash[2]));
        std::fs::write(&points, object).map_err(failed)?;
        let mut compilers = vec![];
        for compiler in Compiler::both(host) {
            let Some(flags) = compiler.flags(level) else { continue };
            let path = tools.join(compiler.name);
            compilers::write(&path, &compiler.script(&flags, &points)).map_err(failed)?;
            compilers.push((compiler.variable, path));
        }
        Ok(Kit { level, host: host.to_owned(), dir, points, compilers })
    }

    /// Where cargo is to build.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether C and C++ code is instrumented as well: whether there is a compiler that can.
    pub fn has_compilers(&self) -> bool {
        !self.compilers.is_empty()
    }

    /// The variables that make cargo, cc and cmake build with points. `get` reads the variables of
    /// the user; `configured` are the flags that cargo's configuration would have given.
    pub fn variables(
        &self,
        get: impl Fn(&str) -> Option<String>,
        configured: &[String],
    ) -> Result<Vec<(String, String)>, String> {
        let text = |path: &Path| {
            path.to_str()
                .filter(|text| !text.contains(char::is_whitespace))
                .map(str::to_owned)
                .ok_or(format!("pass {} to cargo: it has a space in its name", path.display()))
        };
        let ours = flags::rust(self.level, &text(&self.points)?);
        let mut variables = vec![
            ("CARGO_TARGET_DIR".to_owned(), text(&self.dir)?),
            // With a target named, build scripts and procedural macros stay as they are.
            ("CARGO_BUILD_TARGET".to_owned(), self.host.clone()),
            flags::variable(&self.host, &ours, configured, get),
        ];
        for (variable, path) in &self.compilers {
            variables.push((format!("{variable}_{}", self.host), text(path)?));
        }
        Ok(variables)
    }
}

#[cfg(test)]
mod tests;
