//! Medians, a row a bug and a column a way to find it.

use std::collections::BTreeMap;

use super::programs::Level;
use super::runs::{Finder, Run};

pub(super) struct Table {
    names: Vec<String>,
    columns: Vec<(Finder, Level)>,
    cap: u64,
    /// By row and column; none for what was not found within the cap.
    found: BTreeMap<(usize, usize), Vec<Option<u64>>>,
}

impl Table {
    pub(super) fn new(names: Vec<String>, columns: Vec<(Finder, Level)>, cap: u64) -> Table {
        Table { names, columns, cap, found: BTreeMap::new() }
    }

    pub(super) fn enter(&mut self, run: &Run, found: Option<u64>) {
        let row = self.names.iter().position(|name| *name == run.name);
        let column = self.columns.iter().position(|column| *column == (run.finder, run.level));
        if let (Some(row), Some(column)) = (row, column) {
            self.found.entry((row, column)).or_default().push(found);
        }
    }

    /// The median of a cell; none if it lies above the cap.
    fn median(&self, row: usize, column: usize) -> Option<u64> {
        let mut found = self.found.get(&(row, column))?.clone();
        found.sort_unstable_by_key(|found| found.unwrap_or(u64::MAX));
        // The upper one of two: a bug found in half of the runs only is not found, by the median.
        found[found.len() / 2]
    }

    /// The medians of a bug by one finder, at each level.
    pub(super) fn medians(&self, name: &str, finder: Finder) -> Vec<(Level, Option<u64>)> {
        let Some(row) = self.names.iter().position(|known| known == name) else { return vec![] };
        let columns = self.columns.iter().enumerate().filter(|(_, (by, _))| *by == finder);
        columns.map(|(column, (_, level))| (*level, self.median(row, column))).collect()
    }

    fn heads(&self) -> Vec<String> {
        let head = |(finder, level): &(Finder, Level)| match finder {
            Finder::Stress => finder.name().to_owned(),
            _ => format!("{} {level}", finder.name()),
        };
        std::iter::once("median executions".to_owned())
            .chain(self.columns.iter().map(head))
            .collect()
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let row = |(row, name): (usize, &String)| {
            let cells = (0..self.columns.len()).map(|column| match self.median(row, column) {
                Some(median) => median.to_string(),
                None => format!(">{}", self.cap),
            });
            std::iter::once(name.clone()).chain(cells).collect()
        };
        self.names.iter().enumerate().map(row).collect()
    }

    pub(super) fn aligned(&self) -> String {
        let mut lines = vec![self.heads()];
        lines.extend(self.rows());
        let widths: Vec<usize> = (0..lines[0].len())
            .map(|column| lines.iter().map(|line| line[column].len()).max().unwrap_or(0))
            .collect();
        let aligned = |line: &Vec<String>| {
            let cells =
                line.iter().zip(&widths).enumerate().map(|(nth, (cell, width))| match nth {
                    0 => format!("{cell:width$}"),
                    _ => format!("{cell:>width$}"),
                });
            cells.collect::<Vec<_>>().join("  ") + "\n"
        };
        lines.iter().map(aligned).collect()
    }

    pub(super) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = line(&self.heads());
        text += &format!("|---|{}\n", "---:|".repeat(self.columns.len()));
        self.rows().iter().for_each(|row| text += &line(row));
        text
    }
}
