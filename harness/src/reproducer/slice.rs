//! Which items of a crate a scenario reaches: by names, through modules and imports.
//!
//! More may be kept than is needed, since a name that only looks like an item's counts, too; nothing
//! that is needed is left out but what macros of other crates make up.

use std::collections::BTreeSet;

use super::tree::{Import, Item, Tree, What};

/// What is kept of a crate.
#[derive(Debug, Default)]
pub(super) struct Slice {
    /// Kept items.
    pub(super) items: BTreeSet<usize>,
    /// Kept leaves of `use`s: item, and the leaf's number.
    pub(super) leaves: BTreeSet<(usize, usize)>,
    /// Modules that are there, some of them only for what is in them.
    pub(super) modules: BTreeSet<usize>,
    /// First segments that are no item of the crate, where they may be other crates.
    pub(super) outside: BTreeSet<String>,
}

/// What a path leads to.
#[derive(Debug, Default)]
struct Found {
    items: BTreeSet<usize>,
    leaves: BTreeSet<(usize, usize)>,
    modules: BTreeSet<usize>,
    outside: BTreeSet<String>,
    seen: BTreeSet<(usize, Vec<String>)>,
    /// Imports that are being gone through: `use check::check` is no way to itself.
    within: Vec<(usize, usize)>,
}

/// Everything that an item reaches.
pub(super) fn slice(tree: &Tree, from: usize) -> Slice {
    let mut slice = Slice::default();
    let mut todo = vec![];
    slice.keep(tree, from, &mut todo);
    loop {
        while let Some(item) = todo.pop() {
            let Item { module, words, .. } = &tree.items[item];
            for path in &words.paths {
                slice.follow(tree, *module, path, &mut todo);
            }
        }
        slice.keep_what_belongs(tree, &mut todo);
        if todo.is_empty() {
            return slice;
        }
    }
}

impl Slice {
    fn keep(&mut self, tree: &Tree, item: usize, todo: &mut Vec<usize>) {
        if self.items.insert(item) {
            self.keep_module(tree, tree.items[item].module);
            todo.push(item);
        }
    }

    fn keep_module(&mut self, tree: &Tree, module: usize) {
        let ancestors = std::iter::successors(Some(module), |at| tree.modules[*at].parent);
        self.modules.extend(ancestors);
    }

    fn follow(&mut self, tree: &Tree, module: usize, path: &[String], todo: &mut Vec<usize>) {
        let mut found = Found::default();
        tree.look_up(module, path, &mut found);
        if found.items.is_empty()
            && let Some(rules) = path.last().and_then(|name| tree.macros().get(&**name).copied())
        {
            found.items.insert(rules);
        }
        found.items.iter().for_each(|item| self.keep(tree, *item, todo));
        found.modules.iter().for_each(|module| self.keep_module(tree, *module));
        for (item, leaf) in found.leaves {
            self.leaves.insert((item, leaf));
            self.keep_module(tree, tree.items[item].module);
        }
        self.outside.extend(found.outside);
    }

    /// Takes in what no name leads to: `impl`s of what is kept, imported traits, nameless items.
    fn keep_what_belongs(&mut self, tree: &Tree, todo: &mut Vec<usize>) {
        for (nth, item) in tree.items.iter().enumerate() {
            if !self.modules.contains(&item.module) || self.items.contains(&nth) {
                // An `impl` may stand in a module that nothing else leads to.
                let is_elsewhere = matches!(item.what, What::Impl(_)) && !self.items.contains(&nth);
                if !is_elsewhere {
                    continue;
                }
            }
            match &item.what {
                What::Impl(about) => {
                    let mut found = Found::default();
                    for path in &about.paths {
                        tree.look_up(item.module, path, &mut found);
                    }
                    if !found.items.is_empty() && found.items.is_subset(&self.items) {
                        self.keep(tree, nth, todo);
                    }
                }
                What::Use(imports) => {
                    for (leaf, import) in imports.iter().enumerate() {
                        if self.leaves.contains(&(nth, leaf)) || !self.belongs(tree, item, import) {
                            continue;
                        }
                        self.leaves.insert((nth, leaf));
                        self.outside.extend(import.path.first().cloned());
                        // Of a glob the module must exist, but not all that is in it.
                        self.follow(tree, item.module, &import.path, todo);
                    }
                }
                What::Nameless => self.keep(tree, nth, todo),
                _ => {}
            }
        }
    }

    /// Whether an import stays though no kept item names it: nobody does, so that it is there for
    /// what it does without being named, as a trait does.
    fn belongs(&self, tree: &Tree, item: &Item, import: &Import) -> bool {
        if !self.has_items(tree, item.module) {
            return false;
        }
        if import.name == "*" {
            return true;
        }
        let siblings = tree.modules[item.module].items.iter().map(|nth| &tree.items[*nth]);
        let is_named = siblings.clone().any(|item| {
            item.words.all.contains(&import.name) && { !matches!(item.what, What::Use(_)) }
        });
        // Of modules within, which may get it by `super::*`, nothing is known.
        !import.is_public && (import.name == "_" || !is_named)
    }

    /// Whether items of the module itself are kept.
    pub(super) fn has_items(&self, tree: &Tree, module: usize) -> bool {
        tree.modules[module].items.iter().any(|nth| self.items.contains(nth))
    }
}

impl Found {
    /// Nothing yet, of what lies behind an import.
    fn beyond(&mut self, import: (usize, usize)) -> Found {
        let within = self.within.iter().copied().chain([import]).collect();
        Found { seen: std::mem::take(&mut self.seen), within, ..Found::default() }
    }
}

impl Tree {
    /// Looks a path up as the compiler would, in the scope of a module.
    fn look_up(&self, module: usize, path: &[String], found: &mut Found) {
        let Some((head, rest)) = path.split_first() else { return };
        match head.as_str() {
            "crate" => {
                self.walk(0, rest, found);
            }
            "self" => {
                self.walk(module, rest, found);
            }
            "super" => match self.modules[module].parent {
                Some(parent) if rest.first().is_some_and(|next| next == "super") => {
                    self.look_up(parent, rest, found);
                }
                Some(parent) => {
                    self.walk(parent, rest, found);
                }
                None => {}
            },
            _ if self.walk(module, path, found) => {}
            // A single name that leads nowhere is a variable, or the prelude's.
            _ if path.len() > 1 => {
                found.outside.insert(head.clone());
            }
            _ => {}
        }
    }

    /// Walks down from a module; whether the first name was found there.
    fn walk(&self, module: usize, path: &[String], found: &mut Found) -> bool {
        if !found.seen.insert((module, path.to_vec())) {
            return true;
        }
        let Some((name, rest)) = path.split_first() else {
            found.modules.insert(module);
            return true;
        };
        let mut is_there = false;
        for nth in &self.modules[module].items {
            let item = &self.items[*nth];
            match &item.what {
                What::Module(child) if item.names[0] == *name => {
                    is_there = true;
                    self.walk(*child, rest, found);
                }
                What::Use(imports) => {
                    for (leaf, import) in imports.iter().enumerate() {
                        is_there |= self.through((module, *nth, leaf), import, path, found);
                    }
                }
                _ if item.names.contains(name) => {
                    is_there = true;
                    found.items.insert(*nth);
                }
                _ => {}
            }
        }
        is_there
    }

    /// Goes through an import, if the path's first name comes from it.
    fn through(
        &self,
        (module, item, leaf): (usize, usize, usize),
        import: &Import,
        path: &[String],
        found: &mut Found,
    ) -> bool {
        if found.within.contains(&(item, leaf)) {
            return false;
        }
        if import.name == "*" {
            let mut target = found.beyond((item, leaf));
            self.look_up(module, &import.path, &mut target);
            found.seen = std::mem::take(&mut target.seen);
            // What is not a module is an enum: `belongs` keeps that with its glob.
            let mut is_there = false;
            for within in target.modules {
                is_there |= self.walk(within, path, found);
            }
            if is_there {
                found.leaves.insert((item, leaf));
            }
            return is_there;
        }
        if import.name != path[0] {
            return false;
        }
        let rest = &path[1..];
        // `use name;` of another crate leads to itself.
        let target = [&import.path[..], rest].concat();
        if import.path.first() == Some(&import.name) && import.path.len() == 1 {
            found.leaves.insert((item, leaf));
            found.outside.insert(import.name.clone());
            return true;
        }
        let mut within = found.beyond((item, leaf));
        self.look_up(module, &target, &mut within);
        found.seen = std::mem::take(&mut within.seen);
        found.leaves.insert((item, leaf));
        found.items.extend(within.items);
        found.leaves.extend(within.leaves);
        found.modules.extend(within.modules);
        found.outside.extend(within.outside);
        true
    }
}
