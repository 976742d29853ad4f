//! Values that are called a secret: what is assigned to such a name, and the word after such an option.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::compiled;

/// What secrets are called, at the end of a longer name or alone.
const NAMES: &str = "password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|\
                     secret[_-]?key|cookie|credentials?";
/// The same in names that are written in one word.
const JOINED: &str =
    "Password|Passwd|Passphrase|Secret|Token|ApiKey|AccessKey|PrivateKey|SecretKey|Cookie";
/// Quoted as programs, shells, JSON within strings, and XML do it.
const QUOTED: &str = r#""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\\+"[^"\n]*?\\+"|\\+'[^'\n]*?\\+'|&quot;[^\n]*?&quot;|&apos;[^\n]*?&apos;|&#39;[^\n]*?&#39;"#;
/// Words that stand where a value could, in code.
const CODE: [&str; 8] = ["String", "None", "null", "true", "false", "nil", "undefined", "Option"];

static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(&format!(
        r#"(?P<what>(?:\b|_)(?i:{NAMES})|[a-z0-9](?:{JOINED}))(?:\\*["']|&(?:quot|apos|#39);)?\s*(?P<sign>[:=])\s*(?P<value>{QUOTED}|["']?[^\s"'<>]+)"#
    ))
});

/// An option, alone.
fn option() -> String {
    format!("--?(?:[A-Za-z0-9_-]*?(?i:{NAMES}|apikey)|(?:[A-Za-z0-9]+[-_])*(?i:pass|pwd|auth))")
}

static OPTION: LazyLock<Regex> = LazyLock::new(|| {
    // The word of a shell may be quoted in several pieces, such as 'it'\''s'.
    let option = option();
    compiled(&format!(
        r#"(?:^|[\s"'`=,(\[]){option}(?:\\*["'])?,?\s+(?P<value>(?:{QUOTED})(?:\\.|'[^'\n]*')*|["']?[^\s"']+)"#
    ))
});

static OPTION_WORD: LazyLock<Regex> = LazyLock::new(|| compiled(&format!("^{}$", option())));

/// A token of `standstill replay`, or of a trial.
static OURS: LazyLock<Regex> =
    LazyLock::new(|| compiled("@[0-9a-f]{4,}:[a-z]|:t[0-9]+:s[0-9a-f]+:native$"));

/// A variable of a shell, whose value is elsewhere.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| compiled(r"^\$(?:[A-Z_][A-Z0-9_]*$|[{(])"));

/// Whether a word is an option whose value, the next word, is a secret.
pub(super) fn is_option(word: &str) -> bool {
    OPTION_WORD.is_match(word)
}

/// Whether a word that follows such an option is its value.
pub(super) fn is_value(word: &str) -> bool {
    let is_other = word.starts_with('-') && word.len() > 1;
    !(word.is_empty() || is_other || word.starts_with(['<', '|', '>']) || is_marked(word))
}

/// Whether a field of that name holds a secret in this value.
pub(super) fn is_field(name: &str, value: &str) -> bool {
    let assigned = format!("{name}=\"{}\"", value.replace(['"', '\n', '\\'], "."));
    let found = ASSIGNED.captures(&assigned);
    found.is_some_and(|found| assigned.ends_with(&found[0]) && secret(&assigned, &found).is_some())
}

/// Where secrets stand in a text, without their quotes.
pub(super) fn values(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> =
        ASSIGNED.captures_iter(text).filter_map(|found| secret(text, &found)).collect();
    let options = OPTION.captures_iter(text).filter_map(|found| found.name("value"));
    for value in options.map(|value| value.range()) {
        let word = &text[value.clone()];
        let range = match quotes(word) {
            Some((open, close)) => value.start + open..value.end - close,
            None => value.start..value.start + trimmed(word).len(),
        };
        let is_known = |known: &Range<usize>| known.start < range.end && range.start < known.end;
        if is_value(&text[range.clone()]) && !found.iter().any(is_known) {
            found.push(range);
        }
    }
    found.sort_by_key(|range| range.start);
    found
}

/// Where the secret is in what was found assigned, unless it is code that makes one, a name, or one of
/// our own tokens.
fn secret(text: &str, found: &Captures<'_>) -> Option<Range<usize>> {
    let whole = found.name("value")?;
    let (value, start) = (whole.as_str(), whole.start());
    if let Some((open, close)) = quotes(value) {
        let inner = start + open..whole.end() - close;
        let value = &text[inner.clone()];
        let is_secret = !(value.is_empty() || is_marked(value) || OURS.is_match(value));
        return is_secret.then_some(inner);
    }
    let is_query = found["sign"] == *"=" && is_in_query(&text[..found.get(0)?.start()]);
    let value = if is_query { value.split(['&', '#']).next()? } else { value };
    let word = trimmed(&value[..next_name(value)]);
    let is_token = found["what"].to_ascii_lowercase().ends_with("token");
    let is_word = word.chars().all(|c| c.is_ascii_alphabetic() || "_:.*".contains(c));
    let is_type = word.strip_prefix('&').is_some_and(|rest| rest.chars().all(char::is_alphabetic));
    // `token: Token` and `token = next` are code; `token=hunter2x` is not.
    let is_name = is_word && (is_token || word.contains("::")) || word.starts_with(':');
    let is_code = is_call(value) || is_name || is_type || CODE.contains(&word);
    let is_ours = is_token && OURS.is_match(value);
    let is_secret = word.len() >= 4 && !is_code && !is_ours && !is_marked(word);
    is_secret.then(|| start..start + word.len())
}

/// How much of a value its quotes are, in front and behind; none where it is not quoted.
fn quotes(value: &str) -> Option<(usize, usize)> {
    const SIGNS: [&str; 5] = ["\"", "'", "&quot;", "&apos;", "&#39;"];
    let open = value.len() - value.trim_start_matches('\\').len();
    let sign = SIGNS.into_iter().find(|sign| value[open..].starts_with(sign))?;
    let inner = value[open + sign.len()..].strip_suffix(sign);
    Some(match inner {
        Some(inner) if open > 0 => {
            let slashes = inner.len() - inner.trim_end_matches('\\').len();
            (open + sign.len(), sign.len() + slashes)
        }
        Some(_) => (open + sign.len(), sign.len()),
        // It is not closed, or in several pieces.
        None => (open + sign.len(), 0),
    })
}

/// Whether what follows is a parameter of a URL's query, which ends where the next one begins.
fn is_in_query(before: &str) -> bool {
    let name = |c: char| c.is_ascii_alphanumeric() || "_.%~-".contains(c);
    let before = before.trim_end_matches(name);
    before.ends_with(['?', '&']) || before.ends_with("&amp;")
}

/// Where another assignment begins in a value, such as in `hunter2,user=me`; its end if nowhere.
fn next_name(value: &str) -> usize {
    static NEXT: LazyLock<Regex> =
        LazyLock::new(|| compiled(r"[,;]\s*[A-Za-z_][A-Za-z0-9_-]*[=:]"));
    NEXT.find(value).map_or(value.len(), |found| found.start())
}

/// Without the punctuation of the sentence or code around it.
fn trimmed(word: &str) -> &str {
    word.trim_end_matches([',', ';', '.', ':', ')', ']', '}', '>', '`', '\\'])
}

/// Whether a value is the result of a function.
fn is_call(value: &str) -> bool {
    let name = |c: char| c.is_ascii_alphanumeric() || "_:.".contains(c);
    let rest = value.trim_start_matches(name);
    rest.len() < value.len()
        && rest.starts_with(['(', '!'])
        && value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

fn is_marked(value: &str) -> bool {
    value.starts_with("[redacted") || VARIABLE.is_match(value)
}
