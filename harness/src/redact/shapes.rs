//! Secrets that are known by their shape, whatever they are called.

use std::sync::LazyLock;

use regex::Regex;

use super::compiled;

/// Rule and pattern. The group `kept` stays in front of the mark, `after` behind.
pub(super) static SHAPES: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let rules = [
        // The secret that belongs to an id stands close behind it, and has no shape of its own.
        (
            "aws key",
            r"(?P<kept>\b(?:AKIA|ASIA)[0-9A-Z]{16}\b(?s:.{0,80}?)[^A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?P<after>[^A-Za-z0-9/+]|$)",
        ),
        ("aws key", r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("github token", r"\b(gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})"),
        ("gitlab token", r"\bglpat-[A-Za-z0-9_-]{16,}"),
        ("slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
        ("api key", r"\bsk-(?:ant|proj|svcacct|admin|or)-[A-Za-z0-9_-]{4,}"),
        ("api key", r"\bsk-[A-Za-z0-9_]{16,}|\b[sr]k_(?:live|test)_[A-Za-z0-9]{8,}"),
        ("api key", r"\bAIza[A-Za-z0-9_-]{30,}|\b(?:npm|hf)_[A-Za-z0-9]{30,}"),
        ("signed token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
        (
            "authorization",
            r#"(?i)(?P<kept>\bauthorization["']?\s*[:=]\s*["']?(bearer|basic|token)\s+)[A-Za-z0-9._~+/=-]+"#,
        ),
        ("authorization", r"(?i)(?P<kept>\bbearer\s+)[A-Za-z0-9._~+/=-]{16,}"),
        ("cookie", r#"(?i)(?P<kept>\bcookie["']?\s*:\s*["']?)[A-Za-z0-9_.-]+=[^\r\n"'\[]+"#),
        (
            "password in a url",
            r"(?P<kept>\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@:]*:[^\s/@]+(?P<after>@)",
        ),
    ];
    rules.iter().map(|(name, pattern)| (*name, compiled(pattern))).collect()
});

/// Whether a word ends with the id of an AWS key, so that the next one may be its secret.
pub(super) fn is_aws_id(word: &str) -> bool {
    AWS_ID.is_match(word)
}

/// Whether a word looks like the secret of an AWS key.
pub(super) fn is_aws_secret(word: &str) -> bool {
    word.len() == 40 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/+".contains(&b))
}

static AWS_ID: LazyLock<Regex> = LazyLock::new(|| compiled(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\s*$"));
