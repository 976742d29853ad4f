//! The modules of a crate, each item with its place in the author's text.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::{Item as Syntax, Meta, Visibility};

use super::ReproError;
use super::described::{attributes, described, is_for_tests, literal};
use super::words::{Words, words};

/// A file of the crate.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// A module; the first is the crate's root.
#[derive(Debug)]
pub(super) struct Module {
    /// Its name; empty for the root.
    pub(super) name: String,
    pub(super) parent: Option<usize>,
    /// Index of the file that holds its items.
    pub(super) source: usize,
    /// What stands before its items: documentation and inner attributes.
    pub(super) inner: Vec<Range<usize>>,
    /// Indices of its items, in the order of the text.
    pub(super) items: Vec<usize>,
    /// Attributes of its declaration, as written.
    pub(super) outer: Vec<String>,
    /// Whether it is `pub`.
    pub(super) is_public: bool,
}

/// Something that stands in a module.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) module: usize,
    pub(super) what: What,
    /// What it is called by; several for a macro that defines statics.
    pub(super) names: Vec<String>,
    /// Its text in the module's file, with attributes and the comments right above.
    pub(super) range: Range<usize>,
    /// What it mentions.
    pub(super) words: Words,
}

/// What an item is, as far as that matters for cutting it out.
#[derive(Debug)]
pub(super) enum What {
    /// A function, whether it takes arguments of any sort, types among them, and where its visibility
    /// ends up: the place of what stands there now.
    Function { takes_arguments: bool, vis: Range<usize> },
    /// Anything else that goes by its names.
    Named,
    /// `use`: what it brings into scope.
    Use(Vec<Import>),
    /// `impl`: the trait and the type that it is about.
    Impl(Words),
    /// `mod`.
    Module(usize),
    /// It has no name that could be told; it comes along with its module.
    Nameless,
}

/// One leaf of a `use`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    /// The name in scope; `*` for all names, `_` for none.
    pub(super) name: String,
    pub(super) path: Vec<String>,
    pub(super) is_public: bool,
}

/// A crate, read.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) sources: Vec<Source>,
    pub(super) modules: Vec<Module>,
    pub(super) items: Vec<Item>,
}

impl Tree {
    /// Reads the crate whose root is this file.
    pub(super) fn read(root: &Path) -> Result<Tree, ReproError> {
        let mut tree = Tree::default();
        tree.file(root, None, String::new(), (vec![], true), &root.with_file_name(""))?;
        Ok(tree)
    }

    /// The function in which this line of this file stands, if it stands at a module's level.
    pub(super) fn function_at(&self, file: &Path, line: u32) -> Option<usize> {
        let source = self.sources.iter().position(|source| source.path == file)?;
        let text = &self.sources[source].text;
        let start: usize = text.split_inclusive('\n').take(line as usize - 1).map(str::len).sum();
        self.items.iter().position(|item| {
            matches!(item.what, What::Function { .. })
                && self.modules[item.module].source == source
                && item.range.contains(&start)
        })
    }

    /// The names that lead to a module, from the root.
    pub(super) fn path_of(&self, module: usize) -> Vec<String> {
        let ancestors = std::iter::successors(Some(module), |at| self.modules[*at].parent);
        let mut names: Vec<String> = ancestors.map(|at| self.modules[at].name.clone()).collect();
        names.pop();
        names.reverse();
        names
    }

    /// The text of an item, as its author wrote it.
    pub(super) fn text(&self, item: &Item) -> &str {
        &self.sources[self.modules[item.module].source].text[item.range.clone()]
    }

    /// Reads a module that is a file of its own; `below` is where its own modules' files lie.
    fn file(
        &mut self,
        path: &Path,
        parent: Option<usize>,
        name: String,
        (outer, is_public): (Vec<String>, bool),
        below: &Path,
    ) -> Result<usize, ReproError> {
        let failed = |why: String| ReproError::Source(path.to_owned(), why);
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let file = syn::parse_file(&text)
            .map_err(|error| failed(format!("line {}: {error}", error.span().start().line)))?;
        let path = path.canonicalize().map_err(|error| failed(error.to_string()))?;
        self.sources.push(Source { path, text });
        let source = self.sources.len() - 1;
        let inner = file.attrs.iter().map(|attr| attr.span().byte_range()).collect();
        self.modules.push(Module { name, parent, source, inner, items: vec![], outer, is_public });
        let module = self.modules.len() - 1;
        self.items_of(module, &file.items, below)?;
        Ok(module)
    }

    fn items_of(
        &mut self,
        module: usize,
        items: &[Syntax],
        below: &Path,
    ) -> Result<(), ReproError> {
        for syntax in items {
            if is_for_tests(attributes(syntax)) {
                continue;
            }
            let source = self.modules[module].source;
            let range = with_comments(&self.sources[source].text, syntax.span().byte_range());
            let mut words = match syntax {
                // What is in it has words of its own.
                Syntax::Mod(_) => Words::default(),
                _ => words(quote_of(syntax)),
            };
            if let Syntax::ExternCrate(item) = syntax {
                words.paths.insert(vec![item.ident.to_string(), "_".to_owned()]);
            }
            let (what, names) = match syntax {
                Syntax::Mod(declared) => match self.declared(module, declared, below)? {
                    Some(child) => (What::Module(child), vec![declared.ident.to_string()]),
                    None => continue,
                },
                other => described(other),
            };
            self.items.push(Item { module, what, names, range, words });
            let nth = self.items.len() - 1;
            self.modules[module].items.push(nth);
        }
        let items = &self.items;
        self.modules[module].items.sort_by_key(|nth| items[*nth].range.start);
        Ok(())
    }

    /// Reads a declared module; none if its file is not there, which `cfg` may allow.
    fn declared(
        &mut self,
        parent: usize,
        declared: &syn::ItemMod,
        below: &Path,
    ) -> Result<Option<usize>, ReproError> {
        let name = declared.ident.to_string();
        let source = self.modules[parent].source;
        let text = &self.sources[source].text;
        let others = declared.attrs.iter().filter(|attr| !attr.path().is_ident("path"));
        let outer: Vec<String> =
            others.map(|attr| text[attr.span().byte_range()].to_owned()).collect();
        let is_public = matches!(declared.vis, Visibility::Public(_));
        let named = declared.attrs.iter().find_map(|attr| match &attr.meta {
            Meta::NameValue(pair) if pair.path.is_ident("path") => literal(&pair.value),
            _ => None,
        });
        if let Some((_, items)) = &declared.content {
            let inner = vec![];
            let module = Module {
                name,
                parent: Some(parent),
                source,
                inner,
                items: vec![],
                outer,
                is_public,
            };
            self.modules.push(module);
            let module = self.modules.len() - 1;
            let below = below.join(named.unwrap_or_else(|| declared.ident.to_string()));
            self.items_of(module, items, &below)?;
            return Ok(Some(module));
        }
        let file = match named {
            Some(named) => self.sources[source].path.with_file_name(named),
            None => {
                let flat = below.join(format!("{name}.rs"));
                if flat.is_file() { flat } else { below.join(&name).join("mod.rs") }
            }
        };
        if !file.is_file() {
            return Ok(None);
        }
        let is_mod = file.file_name().is_some_and(|last| last == "mod.rs");
        let below = if is_mod { file.with_file_name("") } else { below.join(&name) };
        self.file(&file, Some(parent), name, (outer, is_public), &below).map(Some)
    }
}

fn quote_of(syntax: &Syntax) -> proc_macro2::TokenStream {
    let mut stream = proc_macro2::TokenStream::new();
    quote::ToTokens::to_tokens(syntax, &mut stream);
    stream
}

/// The range of an item together with the comments that stand right above it.
pub(super) fn with_comments(text: &str, range: Range<usize>) -> Range<usize> {
    let mut start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    if !text[start..range.start].trim().is_empty() {
        return range;
    }
    while start > 0 {
        let above = text[..start - 1].rfind('\n').map_or(0, |at| at + 1);
        let line = text[above..start].trim();
        if !line.starts_with("//") || line.starts_with("//!") {
            break;
        }
        start = above;
    }
    start..range.end
}

impl Tree {
    /// The macros that are defined by rules: their names know no modules.
    pub(super) fn macros(&self) -> BTreeMap<&str, usize> {
        let named = self.items.iter().enumerate().filter_map(|(nth, item)| {
            let is_macro = self.text(item).contains("macro_rules!");
            Some((item.names.first()?.as_str(), nth)).filter(|_| is_macro)
        });
        named.collect()
    }
}
