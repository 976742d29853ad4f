//! Colours on a terminal. They repeat what the words beside them say, and never say anything alone.
//!
//! Whether there are any: `NO_COLOR` (not empty) says no, else `CLICOLOR_FORCE` (neither empty nor 0)
//! says yes, else it takes a terminal, a `TERM` that is known and not `dumb`, and no `CLICOLOR=0`.

use std::ffi::OsString;
use std::io::IsTerminal;

use console::{Style, StyledObject};

use crate::sweep::looks::Says;
use crate::verdict::Grade;

/// Paints words, or leaves them as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// No colours.
    pub const PLAIN: Paint = Paint { on: false };

    /// As standard output is to have it.
    pub fn stdout() -> Paint {
        Paint { on: wanted(&|name| std::env::var_os(name), std::io::stdout().is_terminal()) }
    }

    /// As standard error is to have it.
    pub fn stderr() -> Paint {
        Paint { on: wanted(&|name| std::env::var_os(name), std::io::stderr().is_terminal()) }
    }

    /// Everything in colours.
    #[cfg(test)]
    pub(crate) const COLOURED: Paint = Paint { on: true };

    /// All is well.
    pub fn good<D>(self, what: D) -> StyledObject<D> {
        self.with(Style::new().green(), what)
    }

    /// Something is wrong.
    pub fn bad<D>(self, what: D) -> StyledObject<D> {
        self.with(Style::new().red().bold(), what)
    }

    /// It is not known.
    pub fn doubt<D>(self, what: D) -> StyledObject<D> {
        self.with(Style::new().yellow(), what)
    }

    /// Of less weight.
    pub fn dim<D>(self, what: D) -> StyledObject<D> {
        self.with(Style::new().dim(), what)
    }

    /// Of more weight.
    pub fn strong<D>(self, what: D) -> StyledObject<D> {
        self.with(Style::new().bold(), what)
    }

    /// Something to type.
    pub fn command<D>(self, what: D) -> StyledObject<D> {
        self.with(Style::new().cyan(), what)
    }

    /// A grade, or its words with blanks around them.
    pub fn grade<D>(self, grade: Grade, what: D) -> StyledObject<D> {
        match grade {
            Grade::AsExpected => self.good(what),
            Grade::Unexpected | Grade::Missed => self.bad(what),
            Grade::Inconclusive => self.doubt(what),
        }
    }

    /// What a thread count says, likewise.
    pub fn says<D>(self, says: Says, what: D) -> StyledObject<D> {
        match says {
            Says::Fails => self.bad(what),
            Says::Below => self.good(what),
            Says::Undecided => self.doubt(what),
        }
    }

    fn with<D>(self, style: Style, what: D) -> StyledObject<D> {
        style.force_styling(self.on).apply_to(what)
    }
}

/// Whether colours are wanted, by the environment and by what the output is.
fn wanted(var: &dyn Fn(&str) -> Option<OsString>, is_terminal: bool) -> bool {
    let set = |name: &str| var(name).filter(|value| !value.is_empty());
    let is_zero = |value: OsString| value == "0";
    if set("NO_COLOR").is_some() {
        return false;
    }
    if set("CLICOLOR_FORCE").is_some_and(|value| !is_zero(value)) {
        return true;
    }
    is_terminal
        && set("TERM").is_some_and(|term| term != "dumb")
        && !set("CLICOLOR").is_some_and(is_zero)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(vars: &[(&str, &str)], is_terminal: bool) -> bool {
        let var = |name: &str| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        wanted(&var, is_terminal)
    }

    #[test]
    fn a_terminal_has_colours_and_nothing_else_has() {
        assert!(with(&[("TERM", "xterm")], true));
        assert!(!with(&[("TERM", "xterm")], false));
        assert!(!with(&[("TERM", "dumb")], true));
        assert!(!with(&[], true), "nothing is known of this terminal");
    }

    #[test]
    fn who_says_no_is_heard_before_who_says_yes() {
        let xterm = ("TERM", "xterm");
        assert!(!with(&[xterm, ("NO_COLOR", "1")], true));
        assert!(!with(&[xterm, ("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true));
        assert!(with(&[xterm, ("NO_COLOR", "")], true), "empty is as good as unset");
        assert!(!with(&[xterm, ("CLICOLOR", "0")], true));
        assert!(with(&[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], false));
        assert!(!with(&[("CLICOLOR_FORCE", "0")], false));
    }

    #[test]
    fn without_colours_words_stay_as_they_are() {
        assert_eq!(Paint::PLAIN.bad("MISSED").to_string(), "MISSED");
        let painted = Paint::COLOURED.bad("MISSED").to_string();
        assert!(painted.contains("\x1b[") && painted.contains("MISSED"));
        assert_eq!(console::strip_ansi_codes(&painted), "MISSED");
    }
}
