//! Words of a target and paths of a user, made fit for a page that others read.

use std::sync::LazyLock;

use regex::Regex;

/// One line without the user's home directory in it.
pub(crate) fn tidy(text: &str) -> String {
    without_home(&text.replace('\n', " "))
}

/// A command for somebody else to repeat, who keeps runs where they like.
pub(crate) fn repeatable(command: &str) -> String {
    let command = tidy(command);
    // What follows ` -- ` belongs to the program under test.
    let (own, rest) = match command.find(" -- ") {
        Some(at) => command.split_at(at),
        None => (&command[..], ""),
    };
    KEPT.replace_all(own, "").into_owned() + rest
}

static KEPT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\s--(?:run-dir|message-format)(?:\s+|=)(?:'[^']*'|\S+)").expect("it compiles")
});

/// The same of words that are not Markdown, such as a panic of thread `<unnamed>`: nothing of them
/// is taken for a tag or for emphasis.
pub(crate) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in tidy(text).chars() {
        if matches!(c, '<' | '*' | '`' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A name that is not Markdown, for a heading or a cell of a table.
pub(crate) fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().fold(
        String::new(),
        |mut out, c| {
            if matches!(c, '<' | '*' | '`' | '\\' | '|') {
                out.push('\\');
            }
            out.push(c);
            out
        },
    )
}

/// Text that cannot end the code block it stands in.
pub(crate) fn fenced(text: &str) -> String {
    without_home(text.trim_end()).replace("```", "'''")
}

fn without_home(text: &str) -> String {
    without(text, &std::env::var("HOME").unwrap_or_default())
}

/// `home` as `~` wherever it stands as a whole path or the beginning of one.
pub(crate) fn without(text: &str, home: &str) -> String {
    crate::redact::without(text, home, "~").0
}

/// `1 thread`, `2 threads`.
pub(crate) fn counted(n: impl Into<u64>, what: &str) -> String {
    let n = n.into();
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

pub(crate) fn times(n: u64) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_to_repeat_says_nothing_of_where_its_run_was_kept() {
        for (typed, told) in [
            ("standstill explore a/b --run-dir /x/y -t 2", "standstill explore a/b -t 2"),
            ("standstill explore --run-dir='/x y' a/b", "standstill explore a/b"),
            (
                "standstill explore --run-dir x -- ls --run-dir y",
                "standstill explore -- ls --run-dir y",
            ),
            ("standstill stress a --message-format json -n 3", "standstill stress a -n 3"),
        ] {
            assert_eq!(repeatable(typed), told);
        }
    }
}
