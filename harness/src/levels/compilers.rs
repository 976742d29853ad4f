//! C and C++ compilers that instrument what they compile and link standstill's points.
//!
//! `-fsanitize=thread` in `CFLAGS` would reach cmake's and configure's linker command as well and pull
//! in libtsan, which wants the process for itself. So the crates cc and cmake are given a compiler
//! (`CC_<target>`, which both and most build scripts honour): a script that passes on every call,
//! with the flag where it compiles and with the points where it links.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Level;

/// A compiler of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    /// What the script is called, and the default compiler.
    pub(super) name: &'static str,
    /// `CC` or `CXX`.
    pub(super) variable: &'static str,
    /// What is run: a program, perhaps with words before or behind it (`ccache cc`).
    pub(super) command: String,
}

impl Compiler {
    /// The compilers for C and C++ that the crate cc would take for this target.
    pub(super) fn both(host: &str) -> [Compiler; 2] {
        [("cc", "CC"), ("c++", "CXX")].map(|(name, variable)| {
            let names = [
                format!("{variable}_{host}"),
                format!("{variable}_{}", host.replace('-', "_")),
                format!("HOST_{variable}"),
                variable.to_owned(),
            ];
            let chosen = names.iter().find_map(|name| std::env::var(name).ok());
            let command = chosen.filter(|c| !c.trim().is_empty()).unwrap_or(name.to_owned());
            Compiler { name, variable, command }
        })
    }

    /// The flags with which it instruments; `None` if it cannot, or is not there. gcc cannot leave
    /// plain accesses alone: at level 2 they are calls that the runtime answers at once.
    pub(super) fn flags(&self, level: Level) -> Option<String> {
        const GCC: &str = "--param tsan-distinguish-volatile=1 \
                           --param tsan-instrument-func-entry-exit=0";
        const CLANG: &str = "-mllvm -tsan-distinguish-volatile \
                             -mllvm -tsan-instrument-func-entry-exit=0";
        const CLANG_ATOMICS: &str = "-mllvm -tsan-instrument-memory-accesses=0";
        // The program is to be what it is without instrumentation, not its variant for
        // ThreadSanitizer.
        let basic = "-fsanitize=thread -U__SANITIZE_THREAD__".to_owned();
        let clang = match level {
            Level::Atomics => format!("{basic} {CLANG} {CLANG_ATOMICS}"),
            Level::Memory => format!("{basic} {CLANG}"),
        };
        [clang, format!("{basic} {GCC}"), basic].into_iter().find(|flags| self.takes(flags))
    }

    fn takes(&self, flags: &str) -> bool {
        let mut words = self.command.split_whitespace().chain(flags.split_whitespace());
        let Some(program) = words.next() else { return false };
        Command::new(program)
            .args(words)
            .args(["-x", "c", "-c", "/dev/null", "-o", "/dev/null"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// The script. What neither compiles nor links is passed on as it is.
    pub(super) fn script(&self, flags: &str, points: &Path) -> String {
        let Compiler { command, .. } = self;
        let points = points.display();
        format!(
            "#!/bin/sh\n\
             # Written by `standstill build`: instruments what it compiles, links its points.\n\
             links=\n\
             for argument; do\n    \
                 case $argument in\n    \
                 -c | -S | -E) exec {command} {flags} \"$@\" ;;\n    \
                 -r | -Wl,-r | --version) exec {command} \"$@\" ;;\n    \
                 -o*) links=yes ;;\n    \
                 esac\n\
             done\n\
             [ -z \"$links\" ] && exec {command} \"$@\"\n\
             exec {command} \"$@\" -x none {points}\n"
        )
    }
}

/// Writes a script that can be executed. What is unchanged is left alone: cmake looks at times.
pub(super) fn write(path: &Path, script: &str) -> io::Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|old| old == script) {
        return Ok(());
    }
    std::fs::write(path, script)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}
