//! Who waits for whom outside of the cycles, as trees.
//!
//! A thread waits for one thing, and most things are with one thread: that is a forest, whose roots
//! are threads that wait for nothing, things that nobody is known to have, and members of cycles. A
//! thread that has been drawn, or a second holder, is drawn again as a reference.

use std::collections::HashSet;

use super::super::words::{View, is_sure, reason};

/// How many holders of one thing are drawn.
const HOLDERS: usize = 6;

/// What stands in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Item {
    Group(usize),
    Thing(usize),
}

/// A box of a tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) item: Item,
    /// Columns from the root.
    pub(super) depth: u32,
    pub(super) row: u32,
    /// Whether it stands for a box that is drawn elsewhere.
    pub(super) elsewhere: bool,
}

/// A line from one cell to another, by their indices.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) sure: bool,
    pub(super) title: String,
}

/// One root and all that waits for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    pub(super) cells: Vec<Cell>,
    pub(super) edges: Vec<Edge>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Forest {
    pub(super) trees: Vec<Tree>,
    /// Groups that neither wait nor are waited for.
    pub(super) lone: Vec<usize>,
    /// Groups that the budget did not allow.
    pub(super) left_out: Vec<usize>,
}

impl Forest {
    /// Plants the trees, taking from the budget for every group.
    pub(super) fn of(view: &View<'_>, budget: &mut usize) -> Forest {
        let mut planter = Planter { view, children: children(view), drawn: HashSet::new() };
        let mut forest = Forest::default();
        // Roots that end a chain come first; what is left after them are circles of which no cycle
        // tells, and they are opened anywhere.
        let outside = |nth: &usize| view.groups[*nth].cycle.is_none();
        let groups: Vec<usize> = (0..view.groups.len()).filter(outside).collect();
        let (waiting, others): (Vec<usize>, Vec<usize>) =
            groups.into_iter().partition(|nth| view.wanted(*nth).is_some());
        for &nth in &others {
            if planter.children.things[nth].is_empty() {
                forest.lone.push(nth);
            } else if *budget > 0 {
                forest.trees.push(planter.plant(Item::Group(nth), budget));
            }
        }
        for closed in [false, true] {
            for &nth in &waiting {
                let Some((thing, _)) = view.wanted(nth) else { continue };
                let is_root = closed || planter.children.holder(view, thing).is_none();
                if is_root && *budget > 0 && !planter.drawn.contains(&Item::Group(nth)) {
                    forest.trees.push(planter.plant(Item::Thing(thing), budget));
                }
            }
        }
        let drawn = |nth: &usize| planter.drawn.contains(&Item::Group(*nth));
        forest.lone.retain(|nth| !drawn(nth));
        let lone: HashSet<usize> = forest.lone.iter().copied().collect();
        forest.left_out = waiting.into_iter().chain(others).collect();
        forest.left_out.retain(|nth| !drawn(nth) && !lone.contains(nth));
        forest
    }
}

/// The same edges from the root's side.
struct Children {
    /// Of each group, the things outside of cycles whose first holder it is.
    things: Vec<Vec<usize>>,
    /// Of each thing, the groups outside of cycles that wait for it.
    waiters: Vec<Vec<usize>>,
}

fn children(view: &View<'_>) -> Children {
    let mut things = vec![Vec::new(); view.groups.len()];
    let mut waiters = vec![Vec::new(); view.graph.things.len()];
    for nth in 0..view.groups.len() {
        if let Some((thing, _)) = view.wanted(nth).filter(|_| view.groups[nth].cycle.is_none()) {
            waiters[thing].push(nth);
        }
    }
    let mut children = Children { things: Vec::new(), waiters };
    for thing in 0..view.graph.things.len() {
        let in_ring = view.graph.cycles.iter().any(|cycle| cycle.things.contains(&thing));
        if let Some(group) = children.holder(view, thing).filter(|_| !in_ring)
            && !children.waiters[thing].is_empty()
        {
            things[group].push(thing);
        }
    }
    children.things = things;
    children
}

impl Children {
    /// The group under which a thing is drawn: that of its first holder, unless it is in a cycle.
    fn holder(&self, view: &View<'_>, thing: usize) -> Option<usize> {
        let first = view.graph.things.get(thing)?.holders.first()?;
        let in_ring = view.graph.cycles.iter().any(|cycle| cycle.things.contains(&thing));
        view.group_of(first.tid).filter(|nth| !in_ring && view.groups[*nth].cycle.is_none())
    }
}

struct Planter<'a> {
    view: &'a View<'a>,
    children: Children,
    drawn: HashSet<Item>,
}

/// A thing or group that is still to be drawn to the left of a cell.
struct Todo {
    item: Item,
    depth: u32,
    parent: Option<usize>,
}

impl Planter<'_> {
    /// Draws a root and all behind it. The first child stands in its parent's row, each next one
    /// below all that came before, so no row is used twice in one column.
    fn plant(&mut self, root: Item, budget: &mut usize) -> Tree {
        let mut tree = Tree::default();
        // A root that is a thing leaves a column for those who have it.
        let depth = u32::from(matches!(root, Item::Thing(_)));
        let mut todo = vec![Todo { item: root, depth, parent: None }];
        let mut free = 0;
        while let Some(Todo { item, depth, parent }) = todo.pop() {
            // Nor is a thing drawn for whose waiters there is no room.
            if *budget == 0 {
                continue;
            }
            *budget -= usize::from(matches!(item, Item::Group(_)));
            let again = !self.drawn.insert(item);
            let first = parent.is_none_or(|parent| !tree.edges.iter().any(|e| e.to == parent));
            let row = match parent {
                Some(parent) if first => tree.cells[parent].row,
                _ => free,
            };
            let here = tree.cells.len();
            let elsewhere = again || (parent.is_none() && self.is_in_ring(item));
            tree.cells.push(Cell { item, depth, row, elsewhere });
            free = free.max(row + 1);
            if let Some(parent) = parent {
                let (sure, title) = self.edge(item, tree.cells[parent].item);
                tree.edges.push(Edge { from: here, to: parent, sure, title });
            }
            if again && parent.is_some() {
                continue;
            }
            let behind: Vec<Item> = match item {
                Item::Group(nth) => {
                    self.children.things[nth].iter().map(|nth| Item::Thing(*nth)).collect()
                }
                Item::Thing(nth) => {
                    if !elsewhere {
                        self.others(nth, here, parent.is_some(), &mut tree, &mut free, budget);
                    }
                    self.children.waiters[nth].iter().map(|nth| Item::Group(*nth)).collect()
                }
            };
            // The last to be put is the first to be taken.
            for item in behind.into_iter().rev() {
                todo.push(Todo { item, depth: depth + 1, parent: Some(here) });
            }
        }
        tree
    }

    /// Draws, to the right of a thing, those of its holders that it does not stand behind.
    /// One that is drawn nowhere else is drawn there.
    fn others(
        &mut self,
        nth: usize,
        here: usize,
        skip: bool,
        tree: &mut Tree,
        free: &mut u32,
        budget: &mut usize,
    ) {
        let Some(thing) = self.view.graph.things.get(nth) else { return };
        let Cell { depth, row, .. } = tree.cells[here];
        // The root's own column is empty in its first row.
        let mut at = if skip { row + 1 } else { row };
        let holds = self.view.holds(thing);
        for hold in holds.iter().skip(usize::from(skip)).take(HOLDERS) {
            let Some(group) = hold.group else { continue };
            let to = tree.cells.len();
            let item = Item::Group(group);
            let alone = self.view.wanted(group).is_none()
                && self.view.groups[group].cycle.is_none()
                && self.children.things[group].is_empty();
            let elsewhere = !alone || *budget == 0 || !self.drawn.insert(item);
            *budget -= usize::from(!elsewhere);
            tree.cells.push(Cell { item, depth: depth - 1, row: at, elsewhere });
            let relation = self.view.relation(nth);
            let title = format!("{relation} {}{}", self.view.who(hold), reason(hold.holder));
            let sure = is_sure(hold.holder.confidence);
            tree.edges.push(Edge { from: here, to, sure, title });
            at += 1;
        }
        *free = (*free).max(at);
    }

    fn is_in_ring(&self, item: Item) -> bool {
        match item {
            Item::Group(nth) => self.view.groups[nth].cycle.is_some(),
            Item::Thing(nth) => {
                self.view.graph.cycles.iter().any(|cycle| cycle.things.contains(&nth))
            }
        }
    }

    /// Whether a line towards the root is proven, and what it says.
    fn edge(&self, from: Item, to: Item) -> (bool, String) {
        match (from, to) {
            (Item::Thing(nth), _) => {
                let thing = self.view.graph.things.get(nth);
                let hold = thing.and_then(|thing| self.view.holds(thing).into_iter().next());
                let Some(hold) = hold else { return (false, String::new()) };
                let (who, why) = (self.view.who(&hold), reason(hold.holder));
                let title = format!("{} {who}{why}", self.view.relation(nth));
                (is_sure(hold.holder.confidence), title)
            }
            (Item::Group(nth), Item::Thing(thing)) => {
                let (who, what) = (self.view.title(nth), self.view.thing(thing));
                (true, format!("{who} waits for {what}"))
            }
            (Item::Group(_), Item::Group(_)) => (false, String::new()),
        }
    }
}
