//! `standstill list`.

use super::{Exit, Failure, ListArgs, MessageFormat, Source, print};
use crate::catalog::{self, Book, Catalog, OpenBook, select};
use crate::config::Config;

pub(super) fn main(args: &ListArgs) -> Result<Exit, Failure> {
    let opened = Opened::new(&args.source, &args.scenarios, true)?;
    let all = ["*".to_owned()];
    let patterns = if args.scenarios.is_empty() { &all[..] } else { &args.scenarios };
    let mut shown = std::collections::BTreeSet::new();
    for pattern in patterns {
        for (book, card) in select(&opened.books, pattern)? {
            let full = format!("{}/{}", book.name, card.name);
            if !shown.insert(full.clone()) {
                continue;
            }
            print(&match args.message_format {
                MessageFormat::Json => format!(
                    "{}\n",
                    serde_json::json!({ "scenario": full, "exe": book.exe.to_string_lossy(), "card": card })
                ),
                MessageFormat::Human => {
                    let counts: Vec<String> = card.threads.iter().map(u32::to_string).collect();
                    let iterations = card.iterations.map(|n| format!("; iterations {n}"));
                    format!(
                        "{full}\n    {}\n    expected: {}; threads {}{}\n",
                        card.about,
                        card.expectation,
                        counts.join(", "),
                        iterations.unwrap_or_default()
                    )
                }
            });
        }
    }
    if let Some(catalog) = &opened.catalog
        && args.scenarios.is_empty()
        && args.message_format == MessageFormat::Human
    {
        let closed = catalog.books.iter().filter(|b| !b.default);
        let names: Vec<&str> = closed.map(|b| b.name.as_str()).collect();
        if !names.is_empty() {
            let command = format!("standstill list {}", names[0]);
            print(&format!("not built by default: {} (try `{command}`)\n", names.join(", ")));
        }
    }
    Ok(Exit::AsExpected)
}

/// The books that a command needs, built and listed.
pub(super) struct Opened {
    pub(super) catalog: Option<Catalog>,
    pub(super) books: Vec<OpenBook>,
    pub(super) config: Config,
}

impl Opened {
    /// Opens what `patterns` speak of, or all default books if there are none.
    pub(super) fn new(
        source: &Source,
        patterns: &[String],
        quiet: bool,
    ) -> Result<Opened, Failure> {
        if let Some(exe) = &source.binary {
            let exe = exe.canonicalize().map_err(|e| {
                Failure::usage(anyhow::anyhow!("failed to find {}: {e}", exe.display()))
            })?;
            let stem =
                exe.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
            // cargo appends a hash to the names of test binaries.
            let name = stem.rsplit_once('-').map_or(stem.as_str(), |(name, _)| name).to_owned();
            let cards = catalog::list(&exe)?;
            let books = vec![OpenBook { book: None, name, exe, cards }];
            return Ok(Opened { catalog: None, books, config: Config::default() });
        }
        let catalog = Catalog::find(source.manifest_path.as_deref())?;
        let config =
            Config::read(&catalog.root).map_err(|why| Failure::usage(anyhow::anyhow!(why)))?;
        let default = "release".to_owned();
        let profile = source.profile.as_ref().or(config.profile.as_ref()).unwrap_or(&default);
        let mut wanted: Vec<&Book> = Vec::new();
        for pattern in patterns {
            for book in catalog.books_for(pattern)? {
                if !wanted.iter().any(|w| w.manifest == book.manifest) {
                    wanted.push(book);
                }
            }
        }
        if patterns.is_empty() {
            wanted = catalog.books.iter().filter(|b| b.default).collect();
        }
        let books = wanted
            .into_iter()
            .map(|book| book.open(profile, quiet))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Opened { catalog: Some(catalog), books, config })
    }
}
