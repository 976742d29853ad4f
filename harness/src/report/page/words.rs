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

/// `home` as `~` wherever it stands as a whole path or the beginning of one: `/home/me` is
/// none of `/home/men`.
pub(crate) fn without(text: &str, home: &str) -> String {
    let home = home.trim_end_matches('/');
    if home.is_empty() {
        return text.to_owned();
    }
    let goes_on = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let mut pieces = text.split(home);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let is_whole = !out.ends_with(goes_on) && !piece.starts_with(goes_on);
        out.push_str(if is_whole { "~" } else { home });
        out.push_str(piece);
    }
    out
}

/// `1 thread`, `2 threads`.
pub(crate) fn counted(n: impl Into<u64>, what: &str) -> String {
    let n = n.into();
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

pub(crate) fn times(n: u64) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}
