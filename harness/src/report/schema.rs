//! The JSON Schema of `report.json`, for whoever reads it with a program. The file beside the sources
//! is made of the types themselves, and a test holds it to them.

use serde_json::json;

use super::page::{Page, SCHEMA};

/// The schema as JSON text, as `harness/schema/report-1.schema.json` has it.
pub fn text() -> String {
    let mut schema = schemars::schema_for!(Page);
    schema.insert("title".to_owned(), json!("standstill's report.json"));
    // A page of another version is none of this schema.
    if let Some(version) = schema.pointer_mut("/properties/schema").and_then(|v| v.as_object_mut())
    {
        version.insert("const".to_owned(), json!(SCHEMA));
    }
    format!("{:#}\n", schema.as_value())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::report::fixture::hostile::hostile;
    use crate::report::fixture::runs::{
        found, inconclusive, interrupted, late, nothing_found, searched, searched_in_vain,
    };
    use crate::report::page::Extra;

    fn validator() -> jsonschema::Validator {
        let schema: Value = serde_json::from_str(&text()).expect("no JSON");
        jsonschema::meta::validate(&schema).expect("no schema");
        jsonschema::validator_for(&schema).expect("no schema")
    }

    fn page() -> Value {
        let page = Page::of(&[searched()], Extra::default());
        serde_json::to_value(page).expect("not written")
    }

    #[test]
    fn the_committed_schema_is_that_of_the_types() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/report-1.schema.json");
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&path, text()).expect("not written");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text(),
            "schema/report-1.schema.json is not what the types say. Write it anew with\n  \
             UPDATE_SCHEMA=1 cargo test -p standstill --lib report::schema\n\
             and raise page::SCHEMA (and the file's number) if a field went or means something else"
        );
    }

    #[test]
    fn every_page_keeps_to_it() {
        let validator = validator();
        let runs = [
            found(),
            nothing_found(),
            inconclusive(),
            interrupted(),
            late(),
            searched(),
            searched_in_vain(),
            hostile(),
        ];
        for run in runs {
            let page = Page::of(&[run], Extra::default());
            // As the file is written and read.
            let text = serde_json::to_string(&page).expect("not written");
            let page: Value = serde_json::from_str(&text).expect("not read");
            let faults: Vec<String> = validator.iter_errors(&page).map(|e| e.to_string()).collect();
            assert!(faults.is_empty(), "{faults:?}");
        }
    }

    #[test]
    fn what_is_no_page_is_refused() {
        let validator = validator();
        assert!(validator.is_valid(&page()));
        type Fault = fn(&mut Value);
        let faults: [(&str, Fault); 5] = [
            ("another version", |page| page["schema"] = json!(2)),
            ("a rate without numbers", |page| page["native"][0]["rate"] = json!("often")),
            ("a negative count", |page| page["runs"][0]["trials"] = json!(-1)),
            ("no headline", |page| {
                page.as_object_mut().map(|page| page.remove("headline"));
            }),
            ("a finding without a kind", |page| page["findings"][0]["kind"] = Value::Null),
        ];
        for (what, fault) in faults {
            let mut page = page();
            fault(&mut page);
            assert!(!validator.is_valid(&page), "{what}");
        }
    }
}
