//! What a page must not tell to everybody: secrets, and whose machine it comes from.
//!
//! Rules look for what is certain to be a secret by its shape, and for values that are called one.
//! What a reader needs stays: hashes, addresses, checksums, and the tokens of `standstill replay`.

mod called;
mod keys;
mod shapes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};

use keys::KEYS;
use shapes::SHAPES;

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

/// What every text has in which some rule finds a secret. Runs hold millions of texts, and nearly all
/// of them have nothing of it.
static HINT: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        "(?i)-----|://|pass|pwd|auth|secret|token|key|cookie|credential|bearer|akia|asia|gh[pousr]_|\
         github_|glpat-|xox|sk-|[sr]k_|aiza|npm_|hf_|eyj",
    )
});

/// The place of a home directory of anybody.
static HOMES: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(?P<kept>/home/)(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)"));

/// Where cargo keeps the sources of a registry's crates: named after its host, which may be a private
/// one, and a hash. The component stays, for whoever reads a crate's name off the path.
static INDEX: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(?P<kept>/registry/src/)[^/\s]+-[0-9a-f]{16}(?P<after>/)"));

/// Host names that many have, or that are words.
const NO_NAMES: [&str; 7] =
    ["localhost", "localdomain", "linux", "debian", "ubuntu", "fedora", "host"];

/// Directories of every machine.
const SHARED: [&str; 12] = [
    "/",
    "/usr",
    "/tmp",
    "/var",
    "/etc",
    "/opt",
    "/home",
    "/root",
    "/lib",
    "/bin",
    "/proc",
    "/usr/local",
];

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of our own, which the tests compile")
}

/// Takes out of texts what is nobody's business, and counts it.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    home: String,
    roots: Vec<String>,
    host: Option<Regex>,
    spares_places: bool,
    redacted: Redacted,
}

impl Redactor {
    /// For this user, this machine, and the workspace at `root`.
    pub fn here(root: &Path) -> Redactor {
        Redactor::of_user().with_roots([root.to_string_lossy().into_owned()])
    }

    /// For this user and this machine.
    pub fn of_user() -> Redactor {
        let home = std::env::var("HOME").unwrap_or_default();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Redactor::new(&home, &host, "")
    }

    /// For a user whose home directory is `home`, on `host`, in the workspace at `root`.
    pub fn new(home: &str, host: &str, root: &str) -> Redactor {
        let is_telling = host.len() >= 4 && !NO_NAMES.contains(&host);
        let host = is_telling.then(|| {
            let name = regex::escape(host);
            compiled(&format!(r"(?P<kept>^|[^A-Za-z0-9_.-])(?:{name})(?P<after>$|[^A-Za-z0-9_-])"))
        });
        let redactor = Redactor { home: home.to_owned(), host, ..Redactor::default() };
        redactor.with_roots([root.to_owned()])
    }

    /// The same, and what lies in these directories: of workspaces in which runs were begun. A directory
    /// that many programs share tells nothing.
    #[must_use]
    pub fn with_roots(mut self, roots: impl IntoIterator<Item = String>) -> Redactor {
        let roots = roots.into_iter().map(|root| root.trim_end_matches('/').to_owned());
        let is_telling = |root: &String| {
            root.starts_with('/') && *root != self.home && !SHARED.contains(&root.as_str())
        };
        let mut roots: Vec<String> = roots.filter(is_telling).collect();
        roots.append(&mut self.roots);
        roots.sort_by_key(String::len);
        // Of two of which one lies in the other, paths are told from the outer one.
        for root in roots {
            let is_below =
                |outer: &String| root == *outer || root.starts_with(&format!("{outer}/"));
            if !self.roots.iter().any(is_below) {
                self.roots.push(root);
            }
        }
        self
    }

    /// The text without it. Paths read `~` and `.` instead, all else is marked where it stood.
    pub fn redact(&mut self, text: &str) -> String {
        let text = self.secrets(text);
        if self.spares_places { text } else { self.places(&text) }
    }

    /// What `work` redacts keeps its paths and names: whoever makes pages of it has to find them.
    pub fn secrets_only<T>(&mut self, work: impl FnOnce(&mut Redactor) -> T) -> T {
        let before = std::mem::replace(&mut self.spares_places, true);
        let done = work(self);
        self.spares_places = before;
        done
    }

    fn secrets(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        if !HINT.is_match(&text) {
            return text;
        }
        for pattern in &*KEYS {
            text = self.replace(pattern, keys::RULE, &text);
        }
        for (rule, pattern) in SHAPES.iter() {
            text = self.replace(pattern, rule, &text);
        }
        for range in called::values(&text).into_iter().rev() {
            text.replace_range(range, "[redacted: secret]");
            self.count("secret", 1);
        }
        text
    }

    /// The text without the places of this user and this machine. What is a secret stays.
    pub fn places(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        let roots = self.roots.iter().map(|root| (root.clone(), ".", "path of the workspace"));
        let home = (self.home.clone(), "~", "home directory");
        for (path, sign, rule) in roots.chain([home]).collect::<Vec<_>>() {
            let (without, times) = without(&text, &path, sign);
            text = without;
            self.count(rule, times);
        }
        text = self.replace(&HOMES, "user name", &text);
        let times = INDEX.find_iter(&text).count();
        if times > 0 {
            text = INDEX.replace_all(&text, "${kept}index${after}").into_owned();
            self.count("host of a registry", times.try_into().unwrap_or(u32::MAX));
        }
        if let Some(host) = self.host.clone() {
            text = self.replace(&host, "host name", &text);
        }
        text
    }

    /// The value of a field of that name: [marked](Self::redact) as a whole if the name says that it
    /// is a secret.
    pub fn redact_field(&mut self, name: &str, value: &str) -> String {
        if called::is_field(name, value) { self.mark("secret") } else { self.redact(value) }
    }

    /// Texts that belong together: the words of a command, or the lines of a text. What one of them
    /// begins, such as an option or a private key, another one ends.
    pub fn redact_series(&mut self, texts: &mut [&mut String]) {
        let mut at = 0;
        while at < texts.len() {
            let before = std::mem::take(texts[at]);
            *texts[at] = self.redact(&before);
            at += 1;
            let following = texts.get(at).map_or("", |text| text.as_str());
            if called::is_option(&before) && called::is_value(following) {
                *texts[at] = self.mark("secret");
                at += 1;
            } else if shapes::is_aws_id(&before) && shapes::is_aws_secret(following) {
                *texts[at] = self.mark("aws key");
                at += 1;
            } else if keys::is_open(&before) {
                let (lines, bytes) = keys::extent(&texts[at..]);
                for (nth, text) in texts[at..at + lines].iter_mut().enumerate() {
                    let rest = if nth + 1 == lines { text.split_off(bytes) } else { String::new() };
                    let rest = self.redact(&rest);
                    **text = format!("[redacted: {}]{rest}", keys::RULE);
                }
                at += lines;
            }
        }
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

    fn mark(&mut self, rule: &str) -> String {
        self.count(rule, 1);
        format!("[redacted: {rule}]")
    }

    fn replace(&mut self, pattern: &Regex, rule: &str, text: &str) -> String {
        let mut times = 0;
        let replaced = pattern.replace_all(text, |found: &Captures<'_>| {
            times += 1;
            let part = |name| found.name(name).map_or("", |part| part.as_str());
            format!("{}[redacted: {rule}]{}", part("kept"), part("after"))
        });
        let replaced = replaced.into_owned();
        self.count(rule, times);
        replaced
    }
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
