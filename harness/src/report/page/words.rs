//! Words of a target and paths of a user, made fit for a page that others read.

/// One line without the user's home directory in it.
pub(crate) fn tidy(text: &str) -> String {
    without_home(&text.replace('\n', " "))
}

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
