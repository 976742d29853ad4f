//! What is taken out of a report before anybody else sees it.
//!
//! Strings are looked at one by one, in pages as in records, so that what is left is as well-formed as
//! before.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::redact::Redactor;
use crate::report::page::Page;
use crate::store::Run;

/// A value with all of its strings redacted; itself if it cannot be written as JSON.
pub fn value<T: Serialize + DeserializeOwned>(of: T, redactor: &mut Redactor) -> T {
    let Ok(mut value) = serde_json::to_value(&of) else { return of };
    strings(&mut value, redactor);
    serde_json::from_value(value).unwrap_or(of)
}

/// A run without its secrets. Pages are made of such runs, since a page takes texts apart, and half a
/// secret has no shape; places are taken out of the page.
pub fn run(run: &Run, redactor: &mut Redactor) -> Run {
    let mut told = run.clone();
    redactor.secrets_only(|redactor| {
        told.header = value(told.header.clone(), redactor);
        told.probes = value(told.probes.clone(), redactor);
        told.notes = value(told.notes.clone(), redactor);
        told.trials = value(std::mem::take(&mut told.trials), redactor);
        told.searches = value(std::mem::take(&mut told.searches), redactor);
    });
    told
}

/// A page, which then lists what was taken out of it and of what was redacted before.
pub fn page(page: Page, redactor: &mut Redactor) -> Page {
    let mut page = value(page, redactor);
    let counts = redactor.redacted().0.iter();
    page.redacted = counts.map(|(rule, times)| format!("{times} x {rule}")).collect();
    page
}

/// JSON lines. What is no JSON, such as a torn end, goes: nobody can say what is in it.
pub fn lines(text: &str, redactor: &mut Redactor) -> String {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .map(|mut line| {
            strings(&mut line, redactor);
            format!("{line}\n")
        })
        .collect()
}

fn strings(value: &mut Value, redactor: &mut Redactor) {
    match value {
        Value::String(text) => *text = redactor.redact(text),
        Value::Array(items) => {
            // Lines of one text, or words of one command, tell of each other.
            let texts = items.iter_mut().filter_map(|item| match item {
                Value::String(text) => Some(text),
                _ => None,
            });
            redactor.redact_series(&mut texts.collect::<Vec<_>>());
            items
                .iter_mut()
                .filter(|item| !item.is_string())
                .for_each(|item| strings(item, redactor));
        }
        Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| match field {
            Value::String(text) => *text = redactor.redact_field(name, text),
            _ => strings(field, redactor),
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::runs::searched;
    use crate::report::page::Extra;
    use crate::store::Record;

    fn telling() -> Run {
        let mut run = searched();
        run.header.command =
            "standstill explore -- /home/me/work/x --token=hunter2hunter2".to_owned();
        run.header.plan.settings.insert("password".to_owned(), "hunter2 \"swordfish".to_owned());
        run.searches[0].findings[0].finding.evidence = vec!["read /home/me/.netrc".to_owned()];
        run
    }

    #[test]
    fn a_page_says_what_was_taken_out_of_it() {
        let mut redactor = Redactor::new("/home/me", "myhost", "/home/me/work");
        let page = page(Page::of(&[telling()], Extra::default()), &mut redactor);
        let text = serde_json::to_string(&page).unwrap();
        assert!(!text.contains("/home/me") && !text.contains("hunter2"), "{text}");
        assert!(page.findings[0].evidence[0].contains("~/.netrc"));
        assert!(
            page.redacted.iter().any(|line| line.contains("home directory")),
            "{:?}",
            page.redacted
        );
        assert!(text.contains("transfers@9b1c:l1:random:s3:controlled"), "a token is no secret");
    }

    #[test]
    fn a_redacted_run_is_read_like_any_other() {
        let run = telling();
        let records = [Record::Run(run.header), Record::Search(Box::new(run.searches[0].clone()))];
        let text: String =
            records.iter().map(|record| serde_json::to_string(record).unwrap() + "\n").collect();
        let mut redactor = Redactor::new("/home/me", "myhost", "");
        let told = lines(&(text + "{\"torn"), &mut redactor);
        assert!(!told.contains("/home/me") && !told.contains("hunter2"), "{told}");
        assert!(!told.contains("swordfish"), "{told}");
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(crate::store::RECORDS), told).unwrap();
        assert_eq!(Run::load(dir.path()).unwrap().searches.len(), 1);
    }

    #[test]
    fn what_stands_in_several_lines_or_words_is_marked_in_all_of_them() {
        let mut run = telling();
        let words = ["./hang", "--password", "hunter2abc", "--api-key", "k998", "--verbose", "8"];
        run.searches[0].words = words.map(str::to_owned).into();
        run.searches[0].command = format!("standstill explore -- {}", words.join(" "));
        let key = [
            "-----BEGIN PRIVATE KEY-----",
            "MIIEvQIBADANBg",
            "kqhkiG9w0B==",
            "-----END PRIVATE KEY-----",
        ];
        let finding = &mut run.searches[0].findings[0];
        finding.finding.evidence = [&["panicked with"], &key[..], &["at a.rs:7"]]
            .concat()
            .iter()
            .map(|line| (*line).to_owned())
            .collect();
        finding.finding.summary = format!("thread `a` panicked: {}", key.join("\n"));
        finding.stderr.head = format!("{}\nMIIEvQIBADANBg\nkqhk", key[0]);
        finding.stderr.tail = format!("G9w0B\n{}\nbye", key[3]);
        let mut redactor = Redactor::new("/home/me", "myhost", "");
        let clean = super::run(&run, &mut redactor);
        assert_eq!(
            clean.searches[0].words[2..],
            ["[redacted: secret]", "--api-key", "[redacted: secret]", "--verbose", "8"]
        );
        let clean_command = clean.searches[0].command.clone();
        let found = &clean.searches[0].findings[0].finding;
        assert_eq!(
            (found.evidence.first().unwrap().as_str(), found.evidence.last().unwrap().as_str()),
            ("panicked with", "at a.rs:7")
        );
        let page = page(Page::of(&[clean], Extra::default()), &mut redactor);
        let text = serde_json::to_string(&page).unwrap();
        for secret in ["hunter2", "k998", "MIIE", "kqhk", "G9w0B", "END PRIVATE"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        assert!(clean_command.ends_with("--verbose 8"), "{clean_command}");
    }
}
