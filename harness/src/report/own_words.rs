//! The place in `REPORT.md` for what no tool can say, and what its user has written there.
//!
//! The place ends with a mark that carries a hash of all the rest, so that a report that is made again
//! knows what is to be carried over, and whether anything else was changed by hand.

use sha2::{Digest, Sha256};

/// The line above the place.
const HEADING: &str = "**In the reporter's own words:**";
/// How the remark in the place begins.
const REMARK: &str = "<!-- Yours to write";
/// How the mark at its end begins, and how every remark ends.
const MARK: &str = "<!-- Your own words end here";
const CLOSE: &str = "-->";

/// What stands in the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnWords {
    /// The words; empty if nobody wrote any.
    pub words: String,
    /// Whether all else is as it was written.
    pub is_rest_untouched: bool,
}

/// The words in a report; none where it has no such place.
pub fn read(report: &str) -> Option<OwnWords> {
    let place = Place::find(report)?;
    let (words, sealed) = (place.words(), format!("{MARK}; the rest is {} {CLOSE}", place.hash()));
    Some(OwnWords { words, is_rest_untouched: place.mark == sealed })
}

/// A rendered report with these words in their place, and the hash of the rest. One that was rendered
/// from a template without such a place stays as it is.
pub fn write(report: &str, words: &str) -> String {
    let Some(place) = Place::find(report) else { return report.to_owned() };
    let words = if words.is_empty() { String::new() } else { format!("{words}\n\n") };
    let (remark, hash) = (place.remark(), place.hash());
    format!("{}{remark}\n{words}{MARK}; the rest is {hash} {CLOSE}{}", place.before, place.after)
}

/// A report taken apart around the place.
struct Place<'r> {
    /// Up to the heading, with its line.
    before: &'r str,
    inner: &'r str,
    mark: &'r str,
    after: &'r str,
}

impl<'r> Place<'r> {
    fn find(report: &'r str) -> Option<Place<'r>> {
        let heading = report.find(HEADING)?;
        let start = heading + HEADING.len() + report[heading + HEADING.len()..].find('\n')? + 1;
        let mark = start + report[start..].find(MARK)?;
        let end = mark + report[mark..].find(CLOSE)? + CLOSE.len();
        Some(Place {
            before: &report[..start],
            inner: &report[start..mark],
            mark: &report[mark..end],
            after: &report[end..],
        })
    }

    /// The remark in the place, which its user may have taken out.
    fn remark(&self) -> &'r str {
        let start = self.inner.find(REMARK);
        let end = start.and_then(|start| Some(start + self.inner[start..].find(CLOSE)?));
        match (start, end) {
            (Some(start), Some(end)) => &self.inner[start..end + CLOSE.len()],
            _ => "",
        }
    }

    fn words(&self) -> String {
        let remark = self.remark();
        let words = if remark.is_empty() {
            self.inner.to_owned()
        } else {
            self.inner.replacen(remark, "", 1)
        };
        words.trim().to_owned()
    }

    fn hash(&self) -> String {
        let hash = Sha256::new().chain_update(self.before).chain_update(self.after).finalize();
        hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the built-in template has it.
    fn fresh() -> String {
        write(
            "# h\n\n**In the reporter's own words:**\n<!-- Yours to write: what. -->\n\n\
             <!-- Your own words end here. -->\n\n**Expected:**\n",
            "",
        )
    }

    #[test]
    fn words_are_carried_over_however_often_a_report_is_made() {
        let written = fresh().replace(". -->\n", ". -->\nIt hangs.\n\n**Expected:** no hang.\n");
        let seen = read(&written).unwrap();
        assert_eq!(seen.words, "It hangs.\n\n**Expected:** no hang.");
        assert!(seen.is_rest_untouched, "{written}");
        let again = write(&fresh(), &seen.words);
        assert_eq!(read(&again).unwrap(), seen);
        assert_eq!(write(&fresh(), &read(&again).unwrap().words), again);
    }

    #[test]
    fn who_writes_over_the_remark_has_written_words_too() {
        let written = fresh().replace("<!-- Yours to write: what. -->", "It hangs.");
        let seen = OwnWords { words: "It hangs.".to_owned(), is_rest_untouched: true };
        assert_eq!(read(&written), Some(seen));
    }

    #[test]
    fn nothing_is_there_at_first_and_a_change_elsewhere_is_noticed() {
        let seen = read(&fresh()).unwrap();
        assert_eq!((seen.words.as_str(), seen.is_rest_untouched), ("", true));
        for (from, to) in [("# h", "# mine"), ("**Expected:**", "mine"), ("the rest is ", "")] {
            assert!(!read(&fresh().replace(from, to)).unwrap().is_rest_untouched, "{from}");
        }
        assert_eq!(read("# another template"), None);
        assert_eq!(write("# another template", "words"), "# another template");
    }
}
