//! What a piece of Rust mentions, token by token: macros hide nothing from it.

use std::collections::BTreeSet;
use std::ops::Range;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::UseTree;

use super::tree::Import;

/// The names that a piece of text holds, more rather than fewer than it uses.
#[derive(Debug, Default, Clone)]
pub(super) struct Words {
    /// `a::b::c`, or a single name. `$crate` is `crate`.
    pub(super) paths: BTreeSet<Vec<String>>,
    /// Every name in it, also behind a dot.
    pub(super) all: BTreeSet<String>,
    /// Names with a `!` behind them.
    pub(super) macros: BTreeSet<String>,
    /// Where the name of the kit stands, with a `::` before it.
    pub(super) kit: Vec<Range<usize>>,
    /// String literals behind `include_str!`, `include_bytes!` and `include!`.
    pub(super) included: Vec<(Range<usize>, String)>,
    /// Literals of several lines, in which no line may be moved.
    pub(super) long: Vec<Range<usize>>,
}

/// The name by which scenario crates call the kit.
pub(super) const KIT: &str = "standstill_kit";

/// Reads a stream of tokens.
pub(super) fn words(stream: TokenStream) -> Words {
    let mut words = Words::default();
    read(stream, &[], &mut words);
    words
}

/// Reads on, each path beginning with `prefix`: within `use a::{..}` there is one.
fn read(stream: TokenStream, prefix: &[String], words: &mut Words) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => {
                if let Some(file) = included(&tokens[..at], group) {
                    words.included.push(file);
                }
                let prefix = if group.delimiter() == Delimiter::Brace { prefix } else { &[] };
                read(group.stream(), prefix, words);
            }
            TokenTree::Literal(literal) => {
                let range = literal.span().byte_range();
                let text = literal.to_string();
                captured(&text, words);
                if text.contains('\n') {
                    words.long.push(range);
                }
            }
            TokenTree::Punct(_) => {}
            TokenTree::Ident(_) => {
                at = path(&tokens, at, prefix, words);
                continue;
            }
        }
        at += 1;
    }
}

/// Reads the path that begins at an identifier; returns where it ends.
fn path(tokens: &[TokenTree], begin: usize, prefix: &[String], words: &mut Words) -> usize {
    let colons = |at: usize| is(tokens.get(at), ':') && is(tokens.get(at + 1), ':');
    let is_field = begin > 0 && is(tokens.get(begin - 1), '.') && {
        // `..x` is a range, `.x` a field or a method.
        begin < 2 || !is(tokens.get(begin - 2), '.')
    };
    let mut path = prefix.to_vec();
    let mut at = begin;
    while let Some(TokenTree::Ident(ident)) = tokens.get(at) {
        let name = ident.to_string();
        let name = name.strip_prefix("r#").unwrap_or(&name).to_owned();
        if name == KIT {
            let range = ident.span().byte_range();
            let is_rooted = at >= 2 && at == begin && colons(at - 2);
            let start = if is_rooted { range.start - 2 } else { range.start };
            words.kit.push(start..range.end);
        }
        words.all.insert(name.clone());
        path.push(name);
        at += 1;
        if !colons(at) {
            break;
        }
        match tokens.get(at + 2) {
            Some(TokenTree::Ident(_)) => at += 2,
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                read(group.stream(), &path, words);
                at += 3;
                break;
            }
            _ => break,
        }
    }
    if is(tokens.get(at), '!') {
        words.macros.extend(path.last().cloned());
    }
    if !is_field {
        words.paths.insert(path);
    }
    at
}

fn is(token: Option<&TokenTree>, c: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == c)
}

/// Names within the braces of a format string.
fn captured(literal: &str, words: &mut Words) {
    if !literal.contains('"') {
        return;
    }
    for piece in literal.split('{').skip(1) {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let name: String = piece.chars().take_while(|c| is_word(*c)).collect();
        let goes_on = piece[name.len()..].starts_with(['}', ':']);
        if goes_on && name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            words.all.insert(name.clone());
            words.paths.insert(vec![name]);
        }
    }
}

/// The file that an inclusion names, whose arguments these are.
fn included(
    before: &[TokenTree],
    arguments: &proc_macro2::Group,
) -> Option<(Range<usize>, String)> {
    const MACROS: [&str; 3] = ["include_str", "include_bytes", "include"];
    let [.., TokenTree::Ident(name), TokenTree::Punct(bang)] = before else { return None };
    if bang.as_char() != '!' || !MACROS.iter().any(|known| name == known) {
        return None;
    }
    let TokenTree::Literal(literal) = arguments.stream().into_iter().next()? else { return None };
    let file = syn::parse_str::<syn::LitStr>(&literal.to_string()).ok()?.value();
    Some((literal.span().byte_range(), file))
}

/// The leaves of a `use`.
pub(super) fn imports(tree: &UseTree, is_public: bool) -> Vec<Import> {
    let mut leaves = vec![];
    collect(tree, &mut vec![], is_public, &mut leaves);
    leaves
}

fn collect(tree: &UseTree, path: &mut Vec<String>, is_public: bool, leaves: &mut Vec<Import>) {
    let mut leaf = |name: String, path: Vec<String>| leaves.push(Import { name, path, is_public });
    let joined = |path: &[String], last: &syn::Ident| {
        let mut path = path.to_vec();
        // `use a::{self}` is `use a`.
        if last != "self" || path.is_empty() {
            path.push(last.to_string());
        }
        path
    };
    match tree {
        UseTree::Path(segment) => {
            path.push(segment.ident.to_string());
            collect(&segment.tree, path, is_public, leaves);
            path.pop();
        }
        UseTree::Name(last) => {
            let path = joined(path, &last.ident);
            leaf(path.last().cloned().unwrap_or_default(), path);
        }
        UseTree::Rename(last) => leaf(last.rename.to_string(), joined(path, &last.ident)),
        UseTree::Glob(_) => leaf("*".to_owned(), path.clone()),
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| collect(tree, path, is_public, leaves));
        }
    }
}

/// A `use` with these of its leaves alone, `kept` asked in the order of [`imports`].
pub(super) fn thinned(tree: &UseTree, kept: &mut dyn FnMut() -> bool) -> Option<String> {
    match tree {
        UseTree::Path(segment) => {
            let rest = thinned(&segment.tree, kept)?;
            Some(format!("{}::{rest}", segment.ident))
        }
        UseTree::Name(last) => kept().then(|| last.ident.to_string()),
        UseTree::Rename(last) => kept().then(|| format!("{} as {}", last.ident, last.rename)),
        UseTree::Glob(_) => kept().then(|| "*".to_owned()),
        UseTree::Group(group) => {
            let left: Vec<String> =
                group.items.iter().filter_map(|tree| thinned(tree, kept)).collect();
            match &left[..] {
                [] => None,
                [one] if one != "self" => Some(one.clone()),
                _ => Some(format!("{{{}}}", left.join(", "))),
            }
        }
    }
}
