//! The driver that a reproducer gets: [`driver.rs`](self) without what its scenario has no use for.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::{ImplItem, Item};

use super::tree::with_comments;

/// The whole driver, which is compiled and tested as a part of this crate, too.
pub(super) const DRIVER: &str = include_str!("driver.rs");

/// The driver for a scenario that mentions these names: what neither it nor the rest of the driver
/// calls is left out.
pub(super) fn driver(mentioned: &BTreeSet<String>) -> String {
    let mut text = DRIVER.to_owned();
    // Each thing that goes may have been the last to mention another one.
    while let Some(gone) = superfluous(&text, mentioned) {
        let end = text[gone.end..].find('\n').map_or(text.len(), |at| gone.end + at + 1);
        let end = if text[end..].starts_with('\n') { end + 1 } else { end };
        text.replace_range(gone.start..end, "");
    }
    text
}

fn superfluous(text: &str, mentioned: &BTreeSet<String>) -> Option<Range<usize>> {
    let file = syn::parse_file(text).expect("the driver is valid Rust, which the tests show");
    let mut uses = Uses::default();
    uses.count(text.parse().expect("as above"));
    let is_idle = |name: &syn::Ident| {
        let name = name.to_string();
        name != "main" && !mentioned.contains(&name) && uses.times.get(&name) == Some(&1)
    };
    // Many a method is called as some field is.
    let is_uncalled = |name: &syn::Ident| {
        let name = name.to_string();
        !mentioned.contains(&name) && !uses.called.contains(&name)
    };
    let unused = |item: &Item| match item {
        Item::Impl(block) if block.items.is_empty() => Some(block.span()),
        Item::Impl(block) => block.items.iter().find_map(|item| match item {
            ImplItem::Fn(function) if is_uncalled(&function.sig.ident) => Some(function.span()),
            _ => None,
        }),
        Item::Fn(function) if is_idle(&function.sig.ident) => Some(function.span()),
        Item::Enum(item) if is_idle(&item.ident) => Some(item.span()),
        _ => None,
    };
    let span = file.items.iter().find_map(unused)?;
    Some(with_comments(text, span.byte_range()))
}

/// What the driver itself makes use of.
#[derive(Default)]
struct Uses {
    /// How often a name stands in it.
    times: BTreeMap<String, u32>,
    /// Names behind a dot or a colon and before parentheses.
    called: BTreeSet<String>,
}

impl Uses {
    fn count(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.count(group.stream()),
                TokenTree::Ident(ident) => {
                    let name = ident.to_string();
                    let is_behind = at > 0
                        && matches!(&tokens[at - 1], TokenTree::Punct(p) if ".:".contains(p.as_char()));
                    let is_before = matches!(tokens.get(at + 1), Some(TokenTree::Group(_)));
                    if is_behind && is_before {
                        self.called.insert(name.clone());
                    }
                    *self.times.entry(name).or_default() += 1;
                }
                _ => {}
            }
        }
    }
}
