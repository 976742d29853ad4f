//! `REPORT.md`: a page, rendered from a template that users may replace.
//!
//! The template is Jinja as minijinja reads it; a field that it names and the run does not have is
//! an error, never an empty place.

use std::io::{self, Write};
use std::path::Path;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::page::Page;
use crate::text::printable;

/// The built-in template.
pub const TEMPLATE: &str = include_str!("../../REPORT_TEMPLATE.md");

/// Why a report could not be rendered.
#[derive(Debug, thiserror::Error)]
#[error("failed to render the report: {0}")]
pub struct RenderError(String);

/// Renders a page.
pub fn render(page: &Page, template: &str) -> Result<String, RenderError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    // The first of these findings of which there is a drawing, in a list; an empty one if there is none.
    environment.add_filter("first_drawn", |findings: Vec<Value>| {
        let is_drawn = |finding: &Value| {
            ["interleaving", "graph"]
                .iter()
                .any(|part| finding.get_attr(part).is_ok_and(|v| v.is_true()))
        };
        findings.into_iter().find(is_drawn).into_iter().collect::<Vec<Value>>()
    });
    environment.add_filter("cell", |text: String| super::page::words::cell(&text));
    environment.add_filter("capfirst", |text: String| {
        let mut chars = text.chars();
        chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect::<String>())
    });
    let fault = |error: minijinja::Error| {
        let line = error.line().map_or(String::new(), |line| format!(" (template line {line})"));
        let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let place = error
            .range()
            .and_then(|range| template.get(range))
            .map_or(String::new(), |text| format!(" at `{text}`"));
        RenderError(format!("{detail}{place}{line}"))
    };
    environment.add_template("report", template).map_err(fault)?;
    let template = environment.get_template("report").map_err(fault)?;
    let text = template.render(minijinja::value::Serde(page)).map_err(fault)?;
    Ok(squeezed(printable(text.trim_end()).as_str()))
}

/// One blank line in place of several, where they mean nothing: outside of code.
fn squeezed(text: &str) -> String {
    let (mut out, mut is_code, mut blank) = (String::with_capacity(text.len() + 1), false, false);
    for line in text.lines() {
        is_code ^= line.starts_with("```");
        if line.is_empty() && blank && !is_code {
            continue;
        }
        blank = line.is_empty();
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// Writes a report in one go: a reader sees the old one or the new one. What is no regular file (a
/// device, a pipe, a link) is written through, never replaced.
pub fn save(path: &Path, text: &str) -> io::Result<()> {
    let named =
        |e: io::Error| io::Error::new(e.kind(), format!("failed to write {}: {e}", path.display()));
    let replaceable = path.symlink_metadata().map_or(true, |meta| meta.is_file());
    if !replaceable {
        return std::fs::write(path, text).map_err(named);
    }
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".new-{}", std::process::id()));
    let draft = std::path::PathBuf::from(draft);
    let write = || {
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(&draft, path)
    };
    write().map_err(|e| {
        let _ = std::fs::remove_file(&draft);
        named(e)
    })
}

#[cfg(test)]
mod tests;
