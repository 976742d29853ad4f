//! Two commands about one subject make one table: what the later one has tried takes the place of the
//! same cells, and all others stay.
//!
//! Trials are never given up for less. A version that was tried and that today does not build keeps its
//! cells, and says so.

use super::record::{Cell, Column, Lane, Matrix, Row};

/// Why a cell is empty that no command has asked for.
pub const NOT_ASKED: &str = "no command has asked for it";

/// What makes two rows the same.
type Key<'a> = (Lane, &'a str, Option<u32>, &'a [String]);

/// Both in one, told as the later one is.
pub fn merged(earlier: &Matrix, later: &Matrix) -> Matrix {
    let columns = columns(earlier, later);
    let mut keys: Vec<Key<'_>> = vec![];
    for row in earlier.rows.iter().chain(&later.rows) {
        if !keys.contains(&key(row)) {
            keys.push(key(row));
        }
    }
    // A row that stands for whatever there may have been goes where it is known what there is.
    let is_known = |wanted: &Key<'_>| {
        let like = |row: &&Row| (row.lane, &row.with[..]) == (wanted.0, wanted.3);
        let all = || earlier.rows.iter().chain(&later.rows);
        let own = all().filter(|row| key(row) == *wanted).any(has_trials);
        own || !all().filter(like).any(has_trials)
    };
    keys.retain(is_known);
    keys.sort_by_key(|(lane, ..)| *lane);
    let row = |key: Key<'_>| Row {
        lane: key.0,
        what: key.1.to_owned(),
        threads: key.2,
        with: key.3.to_vec(),
        cells: columns.iter().map(|column| cell(key, column, earlier, later)).collect(),
    };
    let rows = keys.into_iter().map(row).collect();
    let mut before = earlier.before.clone();
    if earlier.command != later.command && !before.contains(&earlier.command) {
        before.push(earlier.command.clone());
    }
    before.retain(|command| *command != later.command);
    Matrix { columns, rows, before, ..later.clone() }
}

fn key(row: &Row) -> Key<'_> {
    (row.lane, &row.what, row.threads, &row.with)
}

fn has_trials(row: &Row) -> bool {
    row.cells.iter().any(|cell| matches!(cell, Cell::Tried(_)))
}

/// Those of both, by version where all have one and not all were known.
fn columns(earlier: &Matrix, later: &Matrix) -> Vec<Column> {
    let again =
        |known: &Column| later.columns.iter().find(|c| c.source.slug() == known.source.slug());
    let is_known =
        |new: &&Column| earlier.columns.iter().any(|c| c.source.slug() == new.source.slug());
    let both = earlier.columns.iter().map(|known| match again(known) {
        Some(new) => column(known, new, &later.written),
        None => known.clone(),
    });
    let mut columns: Vec<Column> = both.collect();
    let new: Vec<Column> = later.columns.iter().filter(|new| !is_known(new)).cloned().collect();
    if !new.is_empty() {
        columns.extend(new);
        if columns.iter().all(|column| column.source.version().is_some()) {
            columns.sort_by(|a, b| a.source.version().cmp(&b.source.version()));
        }
    }
    columns
}

fn column(known: &Column, new: &Column, written: &str) -> Column {
    let (mut column, note) = match (&known.not_built, &new.not_built) {
        (None, Some(why)) => (known.clone(), Some(format!("on {written} it did not build: {why}"))),
        (None, None) if known.sha256 != new.sha256 => {
            let note = "its program was built anew; cells that were not tried since are of the earlier one";
            (new.clone(), Some(note.to_owned()))
        }
        _ => (new.clone(), None),
    };
    column.notes.extend(note.filter(|note| !column.notes.contains(note)));
    column
}

/// What is known of one thing on one version.
fn cell(wanted: Key<'_>, column: &Column, earlier: &Matrix, later: &Matrix) -> Cell {
    let slug = column.source.slug();
    let of = |matrix: &Matrix, is_it: &dyn Fn(&Row) -> bool| {
        let at = matrix.columns.iter().position(|column| column.source.slug() == slug)?;
        let row = matrix.rows.iter().find(|row| is_it(row))?;
        row.cells.get(at).cloned()
    };
    let own = |matrix: &Matrix| of(matrix, &|row| key(row) == wanted);
    match (own(later), own(earlier)) {
        (Some(new @ Cell::Tried(_)), _) | (_, Some(new @ Cell::Tried(_))) => return new,
        (Some(cell), _) | (None, Some(cell)) => return cell,
        (None, None) => {}
    }
    if let Some(why) = &column.not_built {
        return Cell::NotBuilt { why: why.clone() };
    }
    // A command that got nowhere with this version said why of all that it had asked for.
    let like = |row: &Row| (row.lane, &row.with[..]) == (wanted.0, wanted.3) && !has_trials(row);
    let said = [later, earlier].into_iter().find_map(|matrix| of(matrix, &like));
    said.unwrap_or_else(|| Cell::NotTried { why: NOT_ASKED.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::record::{SCHEMA, Tried};
    use crate::matrix::source::Source;
    use crate::stats::Rate;
    use crate::verdict::Grade;

    fn tried(k: u64, n: u64) -> Cell {
        Cell::Tried(Tried {
            rate: Rate { k, n },
            interval: Rate { k, n }.interval(),
            inconclusive: 0,
            why: None,
            shown: vec![],
            grade: Grade::AsExpected,
            run: "run".into(),
        })
    }

    fn matrix(command: &str, versions: &[(&str, bool)], rows: Vec<Row>) -> Matrix {
        let column = |(version, builds): &(&str, bool)| Column {
            source: Source::Registry { version: version.parse().unwrap() },
            not_built: (!builds).then(|| "error: no".to_owned()),
            sha256: builds.then(|| "ab".to_owned()),
            notes: vec![],
            dir: "dir".into(),
        };
        Matrix {
            schema: SCHEMA,
            standstill: "0.1.0".to_owned(),
            written: "2026-01-02".to_owned(),
            command: command.to_owned(),
            before: vec![],
            package: "case".to_owned(),
            name: "tokio".to_owned(),
            columns: versions.iter().map(column).collect(),
            rows,
            bisection: None,
        }
    }

    fn row(threads: Option<u32>, cells: Vec<Cell>) -> Row {
        Row { lane: Lane::Native, what: "case/close".to_owned(), threads, with: vec![], cells }
    }

    fn no() -> Cell {
        Cell::NotBuilt { why: "error: no".to_owned() }
    }

    #[test]
    fn a_later_command_about_another_version_loses_nothing() {
        let rows = vec![row(Some(2), vec![tried(0, 40), tried(9, 40)])];
        let first = matrix("first", &[("1.13.0", true), ("1.13.1", true)], rows);
        let second = matrix("second", &[("1.2.0", false)], vec![row(None, vec![no()])]);
        let both = merged(&first, &second);
        let versions: Vec<String> = both.columns.iter().map(|c| c.source.title()).collect();
        assert_eq!(versions, ["1.2.0", "1.13.0", "1.13.1"]);
        assert_eq!(both.rows.len(), 1, "{:?}", both.rows);
        assert_eq!(both.rows[0].cells, [no(), tried(0, 40), tried(9, 40)]);
        assert_eq!(
            (both.command.as_str(), &both.before[..]),
            ("second", &["first".to_owned()][..])
        );
        assert_eq!(merged(&both, &first).before, ["second"], "each command is told once");
    }

    #[test]
    fn the_same_version_has_its_later_trials_and_no_failed_build_takes_them_away() {
        let first = matrix("first", &[("1.0.0", true)], vec![row(Some(2), vec![tried(0, 40)])]);
        let again = matrix("again", &[("1.0.0", true)], vec![row(Some(2), vec![tried(3, 500)])]);
        assert_eq!(merged(&first, &again).rows[0].cells, [tried(3, 500)]);
        let broken = matrix("broken", &[("1.0.0", false)], vec![row(None, vec![no()])]);
        let both = merged(&again, &broken);
        assert_eq!(both.rows[0].cells, [tried(3, 500)]);
        assert_eq!(both.columns[0].not_built, None);
        assert!(both.columns[0].notes[0].contains("did not build"), "{:?}", both.columns[0].notes);
        assert_eq!(merged(&broken, &again).rows[0].cells, [tried(3, 500)]);
        assert_eq!(merged(&broken, &again).columns[0].not_built, None);
    }

    #[test]
    fn other_trials_make_another_row() {
        let first = matrix("first", &[("1.0.0", true)], vec![row(Some(2), vec![tried(0, 40)])]);
        let mut other = row(Some(2), vec![tried(1, 40)]);
        other.with = vec!["--set".to_owned(), "x=1".to_owned()];
        let both = merged(&first, &matrix("other", &[("2.0.0", true)], vec![other]));
        let empty = || Cell::NotTried { why: NOT_ASKED.to_owned() };
        assert_eq!(both.rows[0].cells, [tried(0, 40), empty()]);
        assert_eq!(both.rows[1].cells, [empty(), tried(1, 40)]);
    }
}
