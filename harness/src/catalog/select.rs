//! Which scenarios a pattern means, and what to type where it means none.

use super::{CatalogError, OpenBook};
use crate::protocol::Card;

/// Scenarios that are told of those that a pattern means.
const TOLD: usize = 3;

/// The cards that a pattern means, `*` standing for anything: `book/card`, `book`, or `card`.
pub fn select<'c>(
    books: &'c [OpenBook],
    pattern: &str,
) -> Result<Vec<(&'c OpenBook, &'c Card)>, CatalogError> {
    let all = || books.iter().flat_map(|book| book.cards.iter().map(move |card| (book, card)));
    let hits: Vec<_> = all()
        .filter(|(book, card)| fits(pattern, &format!("{}/{}", book.name, card.name)))
        .collect();
    if !hits.is_empty() {
        return Ok(hits);
    }
    let names: Vec<String> = all()
        .flat_map(|(book, card)| [format!("{}/{}", book.name, card.name), card.name.clone()])
        .collect();
    let hint = match nearest(pattern, names.iter().map(String::as_str)) {
        Some(near) => format!("; is `{near}` meant?"),
        None => "; `standstill list` shows all".to_owned(),
    };
    Err(CatalogError::Unknown { name: pattern.to_owned(), hint })
}

/// Whether a pattern means the scenario of this full name, `book/card`.
pub(crate) fn fits(pattern: &str, full: &str) -> bool {
    let (book, card) = full.split_once('/').unwrap_or(("", full));
    matches(pattern, full) || matches(pattern, card) || pattern == book
}

/// The one scenario that a pattern means, for a command that takes but one.
///
/// # Errors
/// When it means none or several, of which the first are told.
pub fn only<'c>(
    books: &'c [OpenBook],
    pattern: &str,
) -> Result<(&'c OpenBook, &'c Card), CatalogError> {
    match select(books, pattern)?[..] {
        [hit] => Ok(hit),
        ref hits => {
            let name = |(book, card): &(&OpenBook, &Card)| format!("{}/{}", book.name, card.name);
            let mut names: Vec<String> = hits.iter().take(TOLD).map(name).collect();
            if hits.len() > TOLD {
                names.push("...".to_owned());
            }
            let (pattern, names) = (pattern.to_owned(), names.join(", "));
            Err(CatalogError::Several { pattern, number: hits.len(), names })
        }
    }
}

/// Whether `name` fits `pattern`, in which each `*` stands for any text.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, rest)) => match name.strip_prefix(before) {
            None => false,
            Some(name) => {
                let cuts = name.char_indices().map(|(i, _)| i).chain([name.len()]);
                cuts.into_iter().any(|i| matches(rest, &name[i..]))
            }
        },
    }
}

/// The known name that is likely to be meant.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // Who writes stars did not mean to write a name.
    let known = known.filter(|_| !name.contains('*'));
    known
        .map(|k| (strsim::jaro_winkler(name, k), k))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name, fits) in [
            ("abba", "abba", true),
            ("abba", "abba_natural", false),
            ("abba*", "abba_natural", true),
            ("*_natural", "abba_natural", true),
            ("controls/*look*", "controls/abba_look_alike", true),
            ("*", "", true),
            ("a*b*c", "aXcYb", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn where_one_scenario_is_wanted_a_few_of_several_are_told() {
        let card = |name: &str| {
            let card = crate::report::fixture::unit(name, 2, 1).card;
            Card { name: name.to_owned(), ..card }
        };
        let cards = ["aa", "ab", "ac", "ad"].map(card).to_vec();
        let books = [OpenBook { book: None, name: "mine".to_owned(), exe: "/".into(), cards }];
        assert_eq!(only(&books, "*d").unwrap().1.name, "ad");
        let why = |pattern| only(&books, pattern).unwrap_err().to_string();
        assert_eq!(why("*"), "name one scenario: `*` means 4 (mine/aa, mine/ab, mine/ac, ...)");
        assert!(why("mine/a*x").ends_with("`mine/a*x`; `standstill list` shows all"));
    }

    #[test]
    fn a_near_miss_is_suggested_and_a_far_one_is_not() {
        let known = ["create_state", "drop_context"];
        assert_eq!(nearest("create_stat", known.into_iter()), Some("create_state"));
        assert_eq!(nearest("zzz", known.into_iter()), None);
        assert_eq!(nearest("create*state", known.into_iter()), None, "it is no name");
    }
}
