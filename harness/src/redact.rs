//! What a page must not tell to everybody: secrets, and whose machine it comes from.
//!
//! Rules look for what is certain to be a secret by its shape, and for values that are called one.
//! What a reader needs stays: hashes, addresses, checksums, and the tokens of `standstill replay`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};

/// How often each rule replaced something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Redacted(pub BTreeMap<String, u32>);

impl Redacted {
    /// Whether nothing was replaced.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing");
        }
        let list: Vec<String> = self.0.iter().map(|(rule, n)| format!("{n} x {rule}")).collect();
        f.write_str(&list.join(", "))
    }
}

/// Secrets by their shape: rule, pattern. The group `kept` stays in front of the mark, `after` behind.
static SECRETS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let rules = [
        (
            "private key",
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----(?s:.*?)(-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|\z)",
        ),
        ("aws key", r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("github token", r"\b(gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})"),
        ("gitlab token", r"\bglpat-[A-Za-z0-9_-]{16,}"),
        ("slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
        (
            "authorization",
            r#"(?i)(?P<kept>\bauthorization["']?\s*[:=]\s*["']?(bearer|basic|token)\s+)[A-Za-z0-9._~+/=-]+"#,
        ),
        (
            "password in a url",
            r"(?P<kept>\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@:]+:[^\s/@]+(?P<after>@)",
        ),
    ];
    rules.iter().map(|(name, pattern)| (*name, compiled(pattern))).collect()
});

/// Values that are called a secret, quoted or not.
static CALLED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r#"(?i)(?P<kept>(?:\b|_)(?P<what>password|passwd|secret|token|api[_-]?key|secret[_-]?access[_-]?key|access[_-]?key)["']?\s*[:=]\s*)(?P<value>"[^"\n]*"|'[^'\n]*'|[^\s"'&,;<>(){}\[\]]+)(?P<after>\(?)"#,
    )
});

/// The place of a home directory of anybody.
static HOMES: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(?P<kept>/home/)(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)"));

/// Host names that many have, or that are words.
const NO_NAMES: [&str; 7] =
    ["localhost", "localdomain", "linux", "debian", "ubuntu", "fedora", "host"];

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of our own, which the tests compile")
}

/// Takes out of texts what is nobody's business, and counts it.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    home: String,
    root: String,
    host: Option<Regex>,
    redacted: Redacted,
}

impl Redactor {
    /// For this user, this machine, and the workspace at `root`.
    pub fn here(root: &Path) -> Redactor {
        let home = std::env::var("HOME").unwrap_or_default();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Redactor::new(&home, &host, &root.to_string_lossy())
    }

    /// For a user whose home directory is `home`, on `host`, in the workspace at `root`.
    pub fn new(home: &str, host: &str, root: &str) -> Redactor {
        let is_telling = host.len() >= 4 && !NO_NAMES.contains(&host);
        let host = is_telling.then(|| {
            let name = regex::escape(host);
            compiled(&format!(r"(?P<kept>^|[^A-Za-z0-9_.-])(?:{name})(?P<after>$|[^A-Za-z0-9_-])"))
        });
        let root = if root == home { "" } else { root.trim_end_matches('/') };
        Redactor { home: home.to_owned(), root: root.to_owned(), host, ..Redactor::default() }
    }

    /// The text without it. Paths read `~` and `.` instead, all else is marked where it stood.
    pub fn redact(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (rule, pattern) in SECRETS.iter() {
            text = self.replace(pattern, rule, &text, |_| true);
        }
        text = self.replace(&CALLED, "secret", &text, is_secret);
        for (path, sign, rule) in [
            (self.root.clone(), ".", "path of the workspace"),
            (self.home.clone(), "~", "home directory"),
        ] {
            let (without, times) = without(&text, &path, sign);
            text = without;
            self.count(rule, times);
        }
        text = self.replace(&HOMES, "user name", &text, |_| true);
        if let Some(host) = self.host.clone() {
            text = self.replace(&host, "host name", &text, |_| true);
        }
        text
    }

    /// The value of a field of that name: [marked](Self::redact) as a whole if the name says that it
    /// is a secret.
    pub fn redact_field(&mut self, name: &str, value: &str) -> String {
        let assigned = format!("{name}=\"{}\"", value.replace(['"', '\n'], "."));
        let called = CALLED.captures(&assigned).filter(|found| assigned.ends_with(&found[0]));
        if !called.is_some_and(|found| is_secret(&found)) {
            return self.redact(value);
        }
        self.count("secret", 1);
        "[redacted: secret]".to_owned()
    }

    /// What was replaced so far.
    pub fn redacted(&self) -> &Redacted {
        &self.redacted
    }

    fn count(&mut self, rule: &str, times: u32) {
        if times > 0 {
            *self.redacted.0.entry(rule.to_owned()).or_default() += times;
        }
    }

    fn replace(
        &mut self,
        pattern: &Regex,
        rule: &str,
        text: &str,
        is_meant: impl Fn(&Captures<'_>) -> bool,
    ) -> String {
        let mut times = 0;
        let replaced: Cow<'_, str> = pattern.replace_all(text, |found: &Captures<'_>| {
            if !is_meant(found) {
                return found[0].to_owned();
            }
            times += 1;
            let part = |name| found.name(name).map_or("", |part| part.as_str());
            let quote = part("value").chars().next().filter(|c| "\"'".contains(*c));
            let quote = quote.map(String::from).unwrap_or_default();
            format!("{}{quote}[redacted: {rule}]{quote}{}", part("kept"), part("after"))
        });
        let replaced = replaced.into_owned();
        self.count(rule, times);
        replaced
    }
}

/// Whether what is assigned to a word such as `token` is a secret, rather than code that makes one, a
/// name, or one of our own tokens.
fn is_secret(found: &Captures<'_>) -> bool {
    let value = &found["value"];
    let is_quoted = value.starts_with(['"', '\'']);
    let value = value.trim_matches(['"', '\'']);
    let is_ours = value.contains('@') && value.contains(':');
    let is_word = value.chars().all(|c| c.is_ascii_alphabetic() || "_:.*&".contains(c));
    let is_token = found["what"].eq_ignore_ascii_case("token");
    let is_call = !found["after"].is_empty();
    let is_marked = value.starts_with("[redacted") || value.starts_with('$');
    // `token: Token` and `token = next` are code; `token=hunter2x` is not.
    let is_name = is_word && (is_token || value.contains("::"));
    let is_code = is_call || !is_quoted && (value.len() < 4 || is_name);
    !(is_ours || is_code || is_marked || value.is_empty())
}

/// `path` as `sign` wherever it stands as a whole path or the beginning of one, and how often that
/// was: `/home/me` is none of `/home/men`.
pub fn without(text: &str, path: &str, sign: &str) -> (String, u32) {
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return (text.to_owned(), 0);
    }
    let goes_on = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let mut pieces = text.split(path);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    let mut times = 0;
    for piece in pieces {
        let is_whole = !out.ends_with(goes_on) && !piece.starts_with(goes_on);
        times += u32::from(is_whole);
        out.push_str(if is_whole { sign } else { path });
        out.push_str(piece);
    }
    (out, times)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(text: &str) -> (String, Redacted) {
        let mut redactor = Redactor::new("/home/me", "builder7", "/home/me/work/mine");
        let text = redactor.redact(text);
        (text, redactor.redacted().clone())
    }

    #[test]
    fn whose_machine_it_was_is_not_told() {
        let text =
            "/home/me/work/mine/src/a.rs, /home/me/.cargo, /home/men/x, on builder7: builder70";
        let (text, counts) = redacted(text);
        assert_eq!(
            text,
            "./src/a.rs, ~/.cargo, /home/[redacted: user name]/x, on [redacted: host name]: builder70"
        );
        let counted = "1 x home directory, 1 x host name, 1 x path of the workspace, 1 x user name";
        assert_eq!(counts.to_string(), counted);
    }

    #[test]
    fn the_home_of_root_is_a_home_and_a_common_host_name_is_none() {
        let mut redactor = Redactor::new("/root", "localhost", "/root");
        let text = redactor.redact("/root/x /rooted http://localhost:80 /chroot/root");
        assert_eq!(text, "~/x /rooted http://localhost:80 /chroot/root");
    }

    #[test]
    fn secrets_are_marked_where_they_stood() {
        let hex = "0123456789abcdef0123456789abcdef0123";
        for (text, expected) in [
            ("key AKIAIOSFODNN7EXAMPLE.", "key [redacted: aws key].".to_owned()),
            (&format!("ghp_{hex}!"), "[redacted: github token]!".to_owned()),
            (&format!("github_pat_{hex}"), "[redacted: github token]".to_owned()),
            ("glpat-abcdefghij0123456789", "[redacted: gitlab token]".to_owned()),
            ("xoxb-123456789012-abc", "[redacted: slack token]".to_owned()),
            (
                "Authorization: Bearer abc.def-ghi",
                "Authorization: Bearer [redacted: authorization]".to_owned(),
            ),
            ("password=hunter2", "password=[redacted: secret]".to_owned()),
            ("password: swordfish", "password: [redacted: secret]".to_owned()),
            ("DB_PASSWORD='a b'", "DB_PASSWORD='[redacted: secret]'".to_owned()),
            ("\"api_key\": \"abcd\", 1", "\"api_key\": \"[redacted: secret]\", 1".to_owned()),
            ("?token=a1b2c3d4&x=1", "?token=[redacted: secret]&x=1".to_owned()),
            (
                "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG",
                "AWS_SECRET_ACCESS_KEY=[redacted: secret]".to_owned(),
            ),
            (
                "git https://me:pw@host/x",
                "git https://[redacted: password in a url]@host/x".to_owned(),
            ),
            (
                "a\n-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nb",
                "a\n[redacted: private key]\nb".to_owned(),
            ),
        ] {
            let (text, counts) = redacted(text);
            assert_eq!(text, expected);
            assert_eq!(counts.0.values().sum::<u32>(), 1, "{text}: {counts}");
        }
    }

    #[test]
    fn what_a_reader_needs_stays() {
        for text in [
            "checksum = \"9ae0c1b5a3e2f7d4c6b8a9f0e1d2c3b4a5968778695a4b3c2d1e0f9a8b7c6d5e\"",
            "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a.rs",
            "a lock 0x55d75a9d5e60 at 0x7fff5fbff8a0",
            "standstill replay k01@1f3a9c02:b9d3e01aa:l1:pct3:s1f:n120:k200000.100000:t100:controlled",
            "\"token\": \"controls/abba@749819fb:b9d3e01aa:l1:random:s1:controlled\"",
            "token: controls/abba@749819fb:b9d3e01aa:l1:random:s1:controlled",
            "let token = lexer.next_token(); fn f(token: Token, secret: &str)",
            "let token = parse2(x); let token = self.token; password: String::new()",
            "https://example.org/a@b tokens=5",
        ] {
            let (same, counts) = redacted(text);
            assert_eq!((same.as_str(), counts.is_empty()), (text, true), "{counts}");
        }
    }

    #[test]
    fn what_was_marked_is_not_marked_again() {
        let (once, _) = redacted("password=hunter2 /home/you/x");
        let (twice, counts) = redacted(&once);
        assert_eq!((twice, counts.is_empty()), (once, true));
    }
}
