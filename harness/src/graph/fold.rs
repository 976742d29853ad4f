//! Threads that a reader need not tell apart, told once.
//!
//! Sixty workers that wait for one lock at one place are one line and one box, not sixty. A member of
//! a cycle is never folded: who it is matters.

use std::collections::{BTreeSet, HashMap};

use super::{Node, WaitGraph};

/// How many different names a title spells out.
const NAMES: usize = 3;

/// Threads that do the same at the same place for the same thing, and hold the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<'a> {
    /// The first of them; what it says of itself holds for all, but for its name and id.
    pub first: &'a Node,
    /// All of them, the first included, in the order of the graph.
    pub threads: Vec<&'a Node>,
    /// What each of them has, or perhaps has: indices into [`WaitGraph::things`], ascending.
    pub held: Vec<usize>,
    /// The cycle that the one thread of this group is part of: an index into
    /// [`WaitGraph::cycles`].
    pub cycle: Option<usize>,
}

impl Group<'_> {
    /// Who they are, as one name: `main`, `worker`, `actor-*`, `io, worker-*`.
    pub fn name(&self) -> String {
        let mut stems: Vec<(&str, &str, bool)> = Vec::new();
        for node in &self.threads {
            let stem = node.name.trim_end_matches(|c: char| c.is_ascii_digit());
            match stems.iter_mut().find(|(known, ..)| *known == stem) {
                Some((_, first, differ)) => *differ |= *first != node.name,
                None => stems.push((stem, &node.name, false)),
            }
        }
        let names = stems.iter().take(NAMES).map(|&(stem, first, differ)| match (differ, first) {
            (true, _) => format!("{stem}*"),
            (false, "") => "unnamed".to_owned(),
            (false, name) => name.to_owned(),
        });
        let more = if stems.len() > NAMES { ", ..." } else { "" };
        names.collect::<Vec<_>>().join(", ") + more
    }
}

impl WaitGraph {
    /// All threads, those which are interchangeable for a reader together, in the order in which the
    /// first of each comes.
    pub fn groups(&self) -> Vec<Group<'_>> {
        let mut held: HashMap<i32, BTreeSet<usize>> = HashMap::new();
        for (nth, thing) in self.things.iter().enumerate() {
            for holder in &thing.holders {
                held.entry(holder.tid).or_default().insert(nth);
            }
        }
        let mut cycles = HashMap::new();
        for (nth, cycle) in self.cycles.iter().enumerate() {
            for tid in &cycle.tids {
                cycles.entry(*tid).or_insert(nth);
            }
        }
        let mut groups: Vec<Group<'_>> = Vec::new();
        let mut by_likeness = HashMap::new();
        for node in &self.threads {
            let cycle = cycles.get(&node.tid).copied();
            let held: Vec<usize> = held.get(&node.tid).into_iter().flatten().copied().collect();
            let wants = node.wants.map(|want| (want.thing, want.timed));
            // Its own id keeps a member of a cycle apart from everybody.
            let alone = cycle.map(|_| node.tid);
            let key =
                (alone, &node.doing, node.what, wants, &node.function, &node.at, held.clone());
            let nth = *by_likeness.entry(key).or_insert_with(|| {
                groups.push(Group { first: node, threads: Vec::new(), held, cycle });
                groups.len() - 1
            });
            groups[nth].threads.push(node);
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;

    fn titles(graph: &super::WaitGraph) -> Vec<(String, usize)> {
        graph.groups().iter().map(|group| (group.name(), group.threads.len())).collect()
    }

    #[test]
    fn a_crowd_is_one_group_and_its_owner_another() {
        let graph = fixture::crowd();
        assert_eq!(titles(&graph), [("pool-boss".into(), 1), ("worker-*".into(), 64)]);
    }

    #[test]
    fn members_of_a_cycle_stay_apart_even_if_they_stand_alike() {
        let mut graph = fixture::ring(8);
        let wants = graph.threads[0].wants;
        graph.threads.iter_mut().for_each(|node| node.wants = wants);
        graph.things.iter_mut().for_each(|thing| thing.holders.clear());
        assert_eq!(graph.groups().len(), 8);
        graph.cycles.clear();
        assert_eq!(titles(&graph), [("phil-*".into(), 8)]);
    }

    #[test]
    fn who_holds_something_is_told_apart_from_who_does_not() {
        let mut graph = fixture::crowd();
        graph.things[0].holders[0].tid = 7003;
        let sizes: Vec<usize> = graph.groups().iter().map(|group| group.threads.len()).collect();
        assert_eq!(sizes, [1, 63, 1]);
    }

    #[test]
    fn different_names_are_spelled_out_and_equal_ones_are_not_repeated() {
        let mut graph = fixture::crowd();
        graph.things[0].holders.clear();
        for (node, name) in graph.threads.iter_mut().zip(["a", "io1", "io2", "", "b"]) {
            (node.name, node.doing) = (name.into(), "runs".into());
            (node.wants, node.function, node.at) = (None, None, None);
            node.what = crate::detect::waits::WaitsFor::Unknown;
        }
        graph.threads.truncate(5);
        assert_eq!(titles(&graph), [("a, io*, unnamed, ...".into(), 5)]);
    }
}
