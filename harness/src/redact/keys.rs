//! Private keys, which are several lines: whole, or what was kept of one.
//!
//! A text may have been cut, or be a list of lines. So a key's body is known not only by the lines
//! around it, but also by following the first, or by preceding the last.

use std::sync::LazyLock;

use regex::Regex;

use super::compiled;

/// The name of the rule.
pub(super) const RULE: &str = "private key";

const BEGIN: &str = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----";
const END: &str = r"-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----";
/// What lines of a text have before and behind them, and what separates them where they are escaped.
const GAP: &str = r"(?:\s|\\+[nrt])";
/// A line of a key that is no base64.
const HEADER: &str = r"(?:Proc-Type|DEK-Info|Version|Comment):[^\n\\]*";

/// Patterns of keys, the whole ones first.
pub(super) static KEYS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    let whole = format!("(?s:{BEGIN}.*?{END})");
    let line = format!(r"(?m:\r?\n[ \t|>]*(?:[A-Za-z0-9+/=]*|{HEADER})[ \t]*$)");
    let word = format!("{GAP}+[A-Za-z0-9+/]{{16,}}={{0,2}}");
    let begun = format!(r"{BEGIN}(?:{line}|{word})*(?:{GAP}+[A-Za-z0-9+/=]*\z)?");
    let line = r"(?m:^[ \t|>]*[A-Za-z0-9+/=]+[ \t]*\r?\n)";
    let word = format!("[A-Za-z0-9+/]{{16,}}={{0,2}}{GAP}+");
    let ended = format!("(?:{line}|{word})*[A-Za-z0-9+/=]*{END}");
    [whole, begun, ended].map(|pattern| compiled(&pattern))
});

static BEGINS: LazyLock<Regex> = LazyLock::new(|| compiled(BEGIN));
static ENDS: LazyLock<Regex> = LazyLock::new(|| compiled(END));
static BODY: LazyLock<Regex> =
    LazyLock::new(|| compiled(&format!(r"^[\s|>-]*(?:[A-Za-z0-9+/=]*|{HEADER})\s*$")));

/// Whether a key begins in a text and goes on behind its end.
pub(super) fn is_open(text: &str) -> bool {
    let last = |pattern: &Regex| pattern.find_iter(text).last().map(|found| found.start());
    match (last(&BEGINS), last(&ENDS)) {
        (Some(begin), Some(end)) => begin > end,
        (begin, _) => begin.is_some(),
    }
}

/// How many of the texts that follow one with an open key belong to it, and how many bytes of the
/// last of them.
pub(super) fn extent(texts: &[&mut String]) -> (usize, usize) {
    let end = texts.iter().position(|text| BEGINS.is_match(text) || ENDS.is_match(text));
    let end = end.and_then(|at| Some((at + 1, ENDS.find(texts[at])?.end())));
    end.unwrap_or_else(|| {
        let n = texts.iter().take_while(|text| BODY.is_match(text)).count();
        (n, n.checked_sub(1).map_or(0, |last| texts[last].len()))
    })
}
