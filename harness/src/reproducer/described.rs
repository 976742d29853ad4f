//! What an item of Rust is, and by which names others speak of it.

use std::collections::BTreeSet;

use syn::spanned::Spanned;
use syn::{Attribute, Item as Syntax, Meta, Visibility};

use super::tree::What;
use super::words::{imports, words};

/// What an item is and is called.
pub(super) fn described(syntax: &Syntax) -> (What, Vec<String>) {
    let named = |ident: &syn::Ident| (What::Named, vec![ident.to_string()]);
    match syntax {
        Syntax::Fn(function) => {
            let at = function.sig.span().byte_range().start;
            let vis = match &function.vis {
                Visibility::Inherited => at..at,
                written => written.span().byte_range(),
            };
            // A lifetime is nothing that a call would have to name.
            let signature = &function.sig;
            let is_generic = signature.generics.type_params().next().is_some()
                || signature.generics.const_params().next().is_some();
            let takes_arguments = !signature.inputs.is_empty() || is_generic;
            let what = What::Function { takes_arguments, vis };
            (what, vec![function.sig.ident.to_string()])
        }
        Syntax::Const(item) => named(&item.ident),
        Syntax::Enum(item) => named(&item.ident),
        Syntax::ExternCrate(item) => {
            let name = item.rename.as_ref().map_or(&item.ident, |(_, name)| name);
            let is_for_macros = item.attrs.iter().any(|attr| attr.path().is_ident("macro_use"));
            let what = if is_for_macros { What::Nameless } else { What::Named };
            (what, vec![name.to_string()])
        }
        Syntax::Static(item) => named(&item.ident),
        Syntax::Struct(item) => named(&item.ident),
        Syntax::Trait(item) => named(&item.ident),
        Syntax::TraitAlias(item) => named(&item.ident),
        Syntax::Type(item) => named(&item.ident),
        Syntax::Union(item) => named(&item.ident),
        Syntax::ForeignMod(item) => {
            let names = item.items.iter().filter_map(|item| match item {
                syn::ForeignItem::Fn(function) => Some(function.sig.ident.to_string()),
                syn::ForeignItem::Static(item) => Some(item.ident.to_string()),
                syn::ForeignItem::Type(item) => Some(item.ident.to_string()),
                _ => None,
            });
            (What::Named, names.collect())
        }
        Syntax::Use(item) => {
            let is_public = !matches!(item.vis, Visibility::Inherited);
            (What::Use(imports(&item.tree, is_public)), vec![])
        }
        Syntax::Impl(item) => {
            let mut head = proc_macro2::TokenStream::new();
            if let Some((path, _)) = &item.trait_ {
                quote::ToTokens::to_tokens(path, &mut head);
            }
            let mut about = words(head);
            let mut of = proc_macro2::TokenStream::new();
            quote::ToTokens::to_tokens(&item.self_ty, &mut of);
            about.paths.extend(words(of).paths);
            (What::Impl(about), vec![])
        }
        Syntax::Macro(item) => match &item.ident {
            Some(ident) => named(ident),
            None => match defined(item.mac.tokens.clone()) {
                names if names.is_empty() => (What::Nameless, names),
                names => (What::Named, names),
            },
        },
        _ => (What::Nameless, vec![]),
    }
}

/// What an invocation such as `thread_local! { static X: .. }` defines, by its looks.
fn defined(tokens: proc_macro2::TokenStream) -> Vec<String> {
    const BEFORE: [&str; 8] = ["static", "const", "fn", "struct", "enum", "trait", "type", "ref"];
    let mut names = BTreeSet::new();
    let mut is_next = false;
    for token in tokens {
        match token {
            proc_macro2::TokenTree::Ident(ident) => {
                let word = ident.to_string();
                let is_keyword = BEFORE.contains(&word.as_str());
                if is_next && !is_keyword {
                    names.insert(word);
                }
                is_next = is_keyword;
            }
            _ => is_next = false,
        }
    }
    names.into_iter().collect()
}

pub(super) fn literal(value: &syn::Expr) -> Option<String> {
    match value {
        syn::Expr::Lit(literal) => match &literal.lit {
            syn::Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attr| {
        attr.path().is_ident("test")
            || matches!(&attr.meta, Meta::List(list)
                if list.path.is_ident("cfg") && list.tokens.to_string() == "test")
    })
}

pub(super) fn attributes(syntax: &Syntax) -> &[Attribute] {
    match syntax {
        Syntax::Const(item) => &item.attrs,
        Syntax::Enum(item) => &item.attrs,
        Syntax::ExternCrate(item) => &item.attrs,
        Syntax::Fn(item) => &item.attrs,
        Syntax::ForeignMod(item) => &item.attrs,
        Syntax::Impl(item) => &item.attrs,
        Syntax::Macro(item) => &item.attrs,
        Syntax::Mod(item) => &item.attrs,
        Syntax::Static(item) => &item.attrs,
        Syntax::Struct(item) => &item.attrs,
        Syntax::Trait(item) => &item.attrs,
        Syntax::Type(item) => &item.attrs,
        Syntax::Union(item) => &item.attrs,
        Syntax::Use(item) => &item.attrs,
        _ => &[],
    }
}
