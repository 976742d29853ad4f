//! What is taken out of a report before anybody else sees it.
//!
//! Strings are looked at one by one, in pages as in records, so that what is left is as well-formed as
//! before.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::redact::Redactor;
use crate::report::page::Page;

/// A value with all of its strings redacted; itself if it cannot be written as JSON.
pub fn value<T: Serialize + DeserializeOwned>(of: T, redactor: &mut Redactor) -> T {
    let Ok(mut value) = serde_json::to_value(&of) else { return of };
    strings(&mut value, redactor);
    serde_json::from_value(value).unwrap_or(of)
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
        Value::Array(items) => items.iter_mut().for_each(|item| strings(item, redactor)),
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
    use crate::store::{Record, Run};

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
}
