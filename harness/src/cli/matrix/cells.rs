//! Filling the table: build every version, try every row on each.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use super::Bench;
use crate::cli::Failure;
use crate::matrix::lab::{Explore, LabError, Stress, Unit};
use crate::matrix::record::{Cell, Column, Lane, Row};
use crate::matrix::source::Source;
use crate::matrix::subject::Wanted;
use crate::matrix::workshop::{Built, Program, WorkshopError};

/// Schedules of a cell unless somebody asks otherwise.
const SCHEDULES: u64 = 500;
/// Time for them.
const BUDGET: Duration = Duration::from_secs(60);

/// What one lane came to on one version.
type Outcome = Result<Vec<(String, Option<u32>, Cell)>, String>;

impl Bench<'_> {
    /// All columns, and what every one has shown. Whoever interrupts gets what there is.
    pub(super) fn cells(&self, sources: Vec<Source>) -> Result<(Vec<Column>, Vec<Row>), Failure> {
        let mut columns: Vec<Column> = vec![];
        let mut results: Vec<Vec<(Lane, Outcome)>> = vec![];
        for mut source in sources {
            if self.stop.load(SeqCst) {
                break;
            }
            let title = format!("{} {}", self.lab.workshop.name, source.title());
            self.tell(&format!("{title}: building"));
            let built = match self.lab.workshop.build(&mut source) {
                Err(WorkshopError::Interrupted) => break,
                built => built?,
            };
            let mut lanes = vec![];
            for lane in self.lanes {
                let outcome = match &built {
                    Built::Not { why } => {
                        self.tell(&format!("{title}: does not build: {why}"));
                        Err(why.clone())
                    }
                    Built::Program(program) => {
                        self.tell(&format!("{title}: {} lane", lane.name()));
                        match self.lane(*lane, &source, program) {
                            Err(LabError::Workshop(WorkshopError::Interrupted)) => break,
                            Err(LabError::Workshop(error)) => return Err(error.into()),
                            Err(LabError::NotTried(why)) => {
                                self.tell(&format!("{title}: {why}"));
                                Err(why)
                            }
                            Ok(cells) => Ok(cells),
                        }
                    }
                };
                lanes.push((*lane, outcome));
            }
            columns.push(self.column(source, &built));
            results.push(lanes);
        }
        let rows = rows(&columns, &results, self.fallback(), &self.with());
        Ok((columns, rows))
    }

    fn column(&self, source: Source, built: &Built) -> Column {
        let mut column = Column {
            dir: self.lab.workshop.dir_of(&source),
            source,
            not_built: None,
            sha256: None,
            notes: vec![],
        };
        match built {
            Built::Not { why } => column.not_built = Some(why.clone()),
            Built::Program(Program { sha256, versions, .. }) => {
                column.sha256 = Some(sha256.clone());
                if versions.len() > 1 {
                    let all = versions.join(", ");
                    column.notes.push(format!("the program is made of several versions: {all}"));
                }
            }
        }
        column
    }

    fn lane(
        &self,
        lane: Lane,
        source: &Source,
        program: &Program,
    ) -> Result<Vec<(String, Option<u32>, Cell)>, LabError> {
        if let Wanted::Bin(bin) = &self.lab.workshop.subject.wanted {
            let tried = self.lab.explore(source, program, &self.search(None))?;
            return Ok(vec![(bin.clone(), None, Cell::Tried(tried))]);
        }
        if lane == Lane::Native {
            let order = Stress {
                patterns: self.args.scenarios.clone(),
                threads: self.args.threads.clone(),
                trials: self.args.trials,
                seed: self.args.seed,
            };
            let units = self.lab.stress(source, program, &order)?;
            let cell = |(what, threads, tried): Unit| (what, Some(threads), Cell::Tried(tried));
            return Ok(units.into_iter().map(cell).collect());
        }
        let mut cells = vec![];
        for (scenario, own) in self.lab.list(source, &self.args.scenarios)? {
            let asked = self.args.threads.iter().map(|n| *n as u32).collect::<Vec<_>>();
            for threads in if asked.is_empty() { own } else { asked } {
                let order = self.search(Some((scenario.clone(), threads)));
                let cell = match self.lab.explore(source, program, &order) {
                    Ok(tried) => Cell::Tried(tried),
                    Err(LabError::NotTried(why)) => Cell::NotTried { why },
                    Err(error) => return Err(error),
                };
                cells.push((scenario.clone(), Some(threads), cell));
            }
        }
        Ok(cells)
    }

    fn search(&self, scenario: Option<(String, u32)>) -> Explore {
        Explore {
            scenario,
            trials: self.args.trials.unwrap_or(SCHEDULES),
            seed: self.args.seed.unwrap_or(1),
            budget: self.args.budget.unwrap_or(BUDGET),
        }
    }

    /// What a row is called of which nothing is known but what was asked for.
    fn fallback(&self) -> String {
        match &self.lab.workshop.subject.wanted {
            Wanted::Bin(bin) => bin.clone(),
            Wanted::Test(_) => self.args.scenarios.join(" "),
        }
    }
}

/// A row for everything that some version could be asked, with a cell for each version.
fn rows(
    columns: &[Column],
    results: &[Vec<(Lane, Outcome)>],
    fallback: String,
    with: &[String],
) -> Vec<Row> {
    let mut known: Vec<(Lane, String, Option<u32>)> = vec![];
    for (lane, outcome) in results.iter().flatten() {
        for (what, threads, _) in outcome.iter().flatten() {
            let row = (*lane, what.clone(), *threads);
            if !known.contains(&row) {
                known.push(row);
            }
        }
    }
    for (lane, _) in results.iter().flatten() {
        if !known.iter().any(|(known, ..)| known == lane) {
            known.push((*lane, fallback.clone(), None));
        }
    }
    known.sort_by_key(|(lane, ..)| *lane);
    let row = |(lane, what, threads): (Lane, String, Option<u32>)| {
        let cells = columns.iter().zip(results).map(|(column, lanes)| {
            if let Some(why) = &column.not_built {
                return Cell::NotBuilt { why: why.clone() };
            }
            let outcome = lanes.iter().find(|(known, _)| *known == lane).map(|(_, o)| o);
            let why = match outcome {
                Some(Ok(cells)) => {
                    let cell = cells.iter().find(|(w, t, _)| *w == what && *t == threads);
                    if let Some((_, _, cell)) = cell {
                        return cell.clone();
                    }
                    "this version's scenarios do not have it".to_owned()
                }
                Some(Err(why)) => why.clone(),
                None => "interrupted".to_owned(),
            };
            Cell::NotTried { why }
        });
        Row { lane, what: what.clone(), threads, with: with.to_vec(), cells: cells.collect() }
    };
    known.into_iter().map(row).collect()
}
