//! `report.html`: a page as one file that needs nothing else, on any screen, on paper, and without
//! a network.
//!
//! Whatever a target has said is escaped by the template engine. Should something of it get out all
//! the same, the page's policy lets no script run but the page's own, which is named by its hash, and
//! nothing be loaded. Drawings of graphs are images, so that neither their styles nor their names
//! meet those of the page.

#[cfg(test)]
mod browser;
mod plot;
#[cfg(test)]
mod tests;

use data_encoding::BASE64;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use sha2::{Digest, Sha256};

use super::marks;
use super::page::Page;
use crate::text::printable;

const TEMPLATE: &str = include_str!("html/report.html");
const FINDING: &str = include_str!("html/finding.html");
const STYLE: &str = include_str!("html/report.css");
const SCRIPT: &str = include_str!("html/report.js");

/// The page as an HTML document.
///
/// # Panics
///
/// Never: the template is built in, and names only what every page has.
pub fn render(page: &Page) -> String {
    let mut environment = environment();
    let parts = [("report.html", TEMPLATE), ("finding.html", FINDING)];
    let added = parts.into_iter().try_for_each(|(name, text)| environment.add_template(name, text));
    let template = added.and_then(|()| environment.get_template("report.html"));
    let context = context! {
        page => Value::from(Serde(page)),
        title => page.subject.title(),
        date => page.runs.first().map(|run| run.began.split('T').next().unwrap_or_default()),
        plots => Value::from(Serde(plot::plots(&page.native))),
        style => Value::from_safe_string(STYLE.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
        // The policy holds the script to its hash: of exactly the text between its tags.
        script_hash => Value::from_safe_string(BASE64.encode(&Sha256::digest(SCRIPT))),
    };
    let text = template
        .and_then(|template| template.render(context))
        .unwrap_or_else(|e| panic!("failed to render the built-in page: {e:#}"));
    legible(&text)
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    // Without the lines on which nothing stands but a tag of the template.
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.add_filter("marked", |text: &str| Value::from_safe_string(marks::html(text)));
    // A claim comes with the marks of a Markdown quotation.
    environment.add_filter("unquoted", |text: &str| text.replace("\n> ", "\n"));
    environment.add_filter("image", |svg: &str| {
        Value::from_safe_string(format!(
            "data:image/svg+xml;base64,{}",
            BASE64.encode(legible(svg).as_bytes())
        ))
    });
    // Stacks come with an empty line between threads.
    environment.add_filter("blocks", |text: &str| {
        text.split("\n\n").map(str::to_owned).collect::<Vec<String>>()
    });
    environment.add_filter("capfirst", |text: &str| {
        let mut chars = text.chars();
        chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect::<String>())
    });
    environment.add_filter("mark", mark);
    environment
}

/// What came of a step, as a class: the words behind its colon, which stand in its text all the
/// same.
fn mark(step: Value) -> &'static str {
    let text = step.get_attr("text").map(|text| text.to_string()).unwrap_or_default();
    let row = step.get_attr("row").map(|row| row.to_string()).unwrap_or_default();
    match row.as_str() {
        "end" if text.starts_with("waits") => return "waits",
        "did" => {}
        _ => return "plain",
    }
    match text.rsplit_once(": ").map(|(_, mark)| mark) {
        Some("has it") => "has",
        Some("waits" | "tries") => "waits",
        Some("woken" | "timed out") => "woken",
        _ => "plain",
    }
}

/// Characters that no document may hold, or that would turn the reading direction of what follows,
/// are replaced.
fn legible(text: &str) -> String {
    printable(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
