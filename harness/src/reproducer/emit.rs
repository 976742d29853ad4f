//! A slice as one file: the author's text, cut out by places and put together again.

use std::ops::Range;
use std::path::PathBuf;

use super::slice::Slice;
use super::tree::{Item, Tree, What};
use super::words::{KIT, thinned};

/// Stands at the beginning of a line that lies within a literal, until all is put together: such a
/// line must not be moved.
const FIXED: char = '\u{1}';

/// A slice as text.
#[derive(Debug, Default)]
pub(super) struct Emitted {
    /// The items.
    pub(super) text: String,
    /// What leads to the scenario's function from the root.
    pub(super) function: String,
    /// Files that are included: where they lie, and what they are called below `files`.
    pub(super) files: Vec<(PathBuf, String)>,
    /// Attributes of the crate as a whole.
    pub(super) attributes: Vec<String>,
}

/// Writes the slice of a scenario, whose driver goes by this path.
pub(super) fn emit(tree: &Tree, slice: &Slice, scenario: usize, driver: &str) -> Emitted {
    let mut emitter = Emitter { tree, slice, scenario, driver, emitted: Emitted::default() };
    let home = tree.items[scenario].module;
    let top = if emitter.stands_alone(home) { home } else { 0 };
    let text = emitter.module(top, true);
    let mut emitted = emitter.emitted;
    emitted.text = text.replace(FIXED, "");
    let mut path = if top == home { vec![] } else { tree.path_of(home) };
    path.push(tree.items[scenario].names[0].clone());
    emitted.function = path.join("::");
    let root = &tree.sources[tree.modules[0].source].text;
    let attributes = tree.modules[0].inner.iter().map(|range| root[range.clone()].to_owned());
    const NOT_OURS: [&str; 6] = ["//", "#![doc", "#![deny", "#![warn", "#![forbid", "#![allow"];
    let is_ours = |text: &String| !NOT_OURS.iter().any(|begin| text.starts_with(begin));
    emitted.attributes = attributes.filter(is_ours).collect();
    emitted
}

struct Emitter<'a> {
    tree: &'a Tree,
    slice: &'a Slice,
    scenario: usize,
    driver: &'a str,
    emitted: Emitted,
}

impl Emitter<'_> {
    /// Whether this module has all that is kept, so that it can be the root itself.
    fn stands_alone(&self, module: usize) -> bool {
        let others = |nth: &usize| self.tree.items[*nth].module != module;
        // `pub(crate)` is no path.
        let is_rooted = |path: &Vec<String>| {
            path.len() > 1 && { ["crate", "super", "self"].contains(&path[0].as_str()) }
        };
        let items = self.slice.items.iter().map(|nth| &self.tree.items[*nth]);
        let leaves = self.slice.leaves.iter().map(|(nth, _)| nth);
        !self.slice.items.iter().chain(leaves).any(others)
            && !items.flat_map(|item| &item.words.paths).any(is_rooted)
            && !self
                .slice
                .modules
                .iter()
                .any(|child| self.tree.modules[*child].parent == Some(module))
    }

    fn module(&mut self, module: usize, is_top: bool) -> String {
        let tree = self.tree;
        let about = &tree.modules[module];
        let source = &tree.sources[about.source].text;
        let mut out = String::new();
        if !(is_top && module == 0) {
            for range in &about.inner {
                let text = &source[range.clone()];
                if is_top && !text.starts_with("//") {
                    continue;
                }
                // At the top they stand behind `main`, where no inner comment may.
                let text = if is_top { text.replacen("//!", "//", 1) } else { text.to_owned() };
                out.push_str(&text);
                out.push('\n');
            }
        }
        let mut was_use = false;
        for nth in &about.items {
            let item = &tree.items[*nth];
            let is_use = matches!(item.what, What::Use(_));
            let text = match &item.what {
                What::Module(child) if self.slice.modules.contains(child) => {
                    self.declaration(*child)
                }
                What::Use(leaves) => {
                    let kept = |leaf: usize| self.slice.leaves.contains(&(*nth, leaf));
                    match (0..leaves.len()).filter(|leaf| kept(*leaf)).count() {
                        0 => continue,
                        n if n == leaves.len() => self.item(*nth, item),
                        _ => self.thinner(item, (0..leaves.len()).map(kept).collect()),
                    }
                }
                _ if self.slice.items.contains(nth) => self.item(*nth, item),
                _ => continue,
            };
            let is_first = out.is_empty();
            if !is_first && (!is_use || !was_use) {
                out.push('\n');
            }
            out.push_str(&text);
            out.push('\n');
            was_use = is_use;
        }
        out
    }

    fn declaration(&mut self, child: usize) -> String {
        let about = &self.tree.modules[child];
        let body = self.module(child, false);
        let outer: String = about.outer.iter().map(|text| format!("{text}\n")).collect();
        let vis = if about.is_public { "pub" } else { "pub(crate)" };
        format!("{outer}{vis} mod {} {{\n{}}}", about.name, indented(&body))
    }

    /// A `use` with the leaves that are kept.
    fn thinner(&self, item: &Item, kept: Vec<bool>) -> String {
        let text = self.tree.text(item);
        let Ok(parsed) = syn::parse_str::<syn::ItemUse>(text) else { return text.to_owned() };
        let mut kept = kept.into_iter();
        let leaves = thinned(&parsed.tree, &mut || kept.next().unwrap_or(true));
        let begin = text.find("use ").map_or("", |at| &text[..at]);
        let root = if parsed.leading_colon.is_some() { "::" } else { "" };
        let text = format!("{}use {root}{};", begin.trim_start(), leaves.unwrap_or_default());
        text.replace(&format!("::{KIT}"), KIT).replace(KIT, self.driver)
    }

    /// An item's text, with what must read otherwise here.
    fn item(&mut self, nth: usize, item: &Item) -> String {
        let source = &self.tree.sources[self.tree.modules[item.module].source];
        let kit = item.words.kit.iter().map(|range| (range.clone(), self.driver.to_owned()));
        let mut changes: Vec<(Range<usize>, String)> = kit.collect();
        for (range, file) in &item.words.included {
            let from = source.path.with_file_name(file);
            let name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let number = self.emitted.files.len();
            let is_taken =
                self.emitted.files.iter().any(|(other, to)| *to == name && *other != from);
            let name = if is_taken { format!("{number}-{name}") } else { name };
            changes.push((range.clone(), format!("{:?}", format!("../files/{name}"))));
            self.emitted.files.push((from, name));
        }
        if let What::Function { vis, .. } = &item.what
            && nth == self.scenario
        {
            let space = if vis.is_empty() { " " } else { "" };
            changes.push((vis.clone(), format!("pub(crate){space}")));
        }
        changes.sort_by_key(|(range, _)| range.start);
        let mut out = String::new();
        let mut at = item.range.start;
        for (range, text) in changes {
            push(&mut out, &source.text, at..range.start, &item.words.long);
            out.push_str(&text);
            at = range.end;
        }
        push(&mut out, &source.text, at..item.range.end, &item.words.long);
        flush_left(&out)
    }
}

/// Appends a piece of a source, its lines marked where they lie within a literal.
fn push(out: &mut String, source: &str, range: Range<usize>, long: &[Range<usize>]) {
    let start = range.start;
    for (at, c) in source[range].char_indices() {
        out.push(c);
        let next = start + at + 1;
        if c == '\n' && long.iter().any(|literal| literal.start < next && next < literal.end) {
            out.push(FIXED);
        }
    }
}

/// Moves an item to the left, as far as its first line stands to the right.
fn flush_left(text: &str) -> String {
    let by = text.len() - text.trim_start_matches(' ').len();
    let moved = |line: &str| {
        let most = line.len() - line.trim_start_matches(' ').len();
        line[most.min(by)..].to_owned()
    };
    text.lines().map(moved).collect::<Vec<_>>().join("\n")
}

/// Moves lines to the right, but empty ones and those within literals.
fn indented(text: &str) -> String {
    let moved = |line: &str| match line {
        "" => "\n".to_owned(),
        line if line.starts_with(FIXED) => format!("{line}\n"),
        line => format!("    {line}\n"),
    };
    text.lines().map(moved).collect()
}
