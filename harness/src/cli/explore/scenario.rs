//! A scenario as a target: its binary, told by its environment to run one trial in the foreground.

use anyhow::anyhow;

use super::ExploreArgs;
use super::run::Subject;
use crate::catalog::only;
use crate::cli::list::Opened;
use crate::cli::stress::settings;
use crate::cli::{Failure, MessageFormat, runs};
use crate::explore::smaller::Size;
use crate::explore::target::Target;
use crate::lockfile;
use crate::plan::Unit;
use crate::program::{actors, other_threads};
use crate::protocol::{ORDER_VAR, Order, PROTOCOL, ROLE_VAR, Role, Task};
use crate::store::BookRecord;

/// The target of the one scenario that `pattern` names, and what a run says of it.
pub(super) fn target(pattern: &str, args: &ExploreArgs) -> Result<(Target, Subject), Failure> {
    let quiet = args.message_format == MessageFormat::Json;
    if std::path::Path::new(pattern).is_file() {
        return Err(Failure::usage(anyhow!(
            "{pattern} is a file; a program is written behind --: standstill explore -- {pattern}"
        )));
    }
    let opened = Opened::new(&args.source, &[pattern.to_owned()], quiet)?;
    let (book, card) = only(&opened.books, pattern)?;
    let settings = settings(&args.settings, args.model.as_deref());
    let usage = |why: String| Failure::usage(anyhow!(why));
    let actors = actors(card, &settings).map_err(usage)?;
    let other = args.threads.zip(actors).and_then(|(asked, n)| other_threads(n, asked));
    other.map_or(Ok(()), |why| Err(usage(why)))?;
    let fewest = || card.threads.iter().copied().filter(|n| *n > 1).min();
    let threads = args.threads.map(|n| n as u32).or(actors).or_else(fewest);
    let threads = threads.or(card.threads.first().copied());
    let order = Order {
        protocol: PROTOCOL,
        scenario: card.name.clone(),
        task: Task::Trial,
        threads: threads.unwrap_or(2),
        seed: args.seed,
        settings: settings.clone(),
        expected: None,
    };
    let iterations = order.iterations(card).map_err(|why| Failure::usage(anyhow!(why)))?;
    let size = Size { threads: order.threads, iterations };
    let order = serde_json::to_string(&order).map_err(Failure::failed)?;
    let mut target =
        Target::resolve(&[book.exe.clone().into_os_string()]).map_err(super::refused)?;
    target.defers = true;
    target.size = Some(size);
    target.name = Some(format!("{}/{}", book.name, card.name));
    target.env =
        vec![(ROLE_VAR.to_owned(), Role::Trial.name().to_owned()), (ORDER_VAR.to_owned(), order)];
    let crates = book.book.as_ref().map(|book| lockfile::crates(&book.manifest, &book.package));
    let subject = Subject {
        unit: Unit {
            scenario: format!("{}/{}", book.name, card.name),
            threads: size.threads,
            trials: 0,
            timeout_ms: card.timeout_ms,
            card: card.clone(),
        },
        settings,
        runs: match &opened.catalog {
            Some(catalog) => runs::of_workspace(Some(catalog)),
            None => runs::of_programs(),
        },
        root: opened.catalog.as_ref().map(|catalog| catalog.root.clone()),
        book: BookRecord {
            exe: book.exe.clone(),
            sha256: crate::environment::sha256(&book.exe).unwrap_or_default(),
            crates: crates.unwrap_or_default(),
            subject: book.book.as_ref().and_then(|book| book.subject.clone()),
        },
    };
    Ok((target, subject))
}
