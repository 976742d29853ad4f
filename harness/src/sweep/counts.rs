//! Thread counts as they are typed: `1..64`, `1,2,4,8`, or both.

/// The counts that a text means, ascending, none twice. A range has both of its ends.
///
/// # Errors
/// A sentence that says how it is written.
pub fn parse(text: &str) -> Result<Vec<u32>, String> {
    let wrong = || "thread counts are written like 1..64 or 1,2,4,8".to_owned();
    // What is too large for a number is a count all the same, and refused as one.
    let number = |text: &str| {
        let text = text.trim();
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(number) => Ok(number),
            Err(_) if is_number => Err(crate::plan::far_too_many_threads(text, 1)),
            Err(_) => Err(wrong()),
        }
    };
    let mut counts = Vec::new();
    for part in text.split(',') {
        let (from, to) = match part.split_once("..") {
            Some((from, to)) => (number(from)?, number(to.strip_prefix('=').unwrap_or(to))?),
            None => (number(part)?, number(part)?),
        };
        if from == 0 {
            return Err("a trial needs at least 1 thread".to_owned());
        }
        if from > to {
            return Err(format!("{from}..{to} is empty; the smaller number comes first"));
        }
        if let Some(why) = crate::plan::too_many_threads(u64::from(to), 1) {
            return Err(why);
        }
        counts.extend(from..=to);
    }
    counts.sort_unstable();
    counts.dedup();
    Ok(counts)
}

/// Counts in words, neighbours folded: `3 to 63`, `2, 4 and 8`. Empty for none.
pub fn words(counts: &[u32]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for run in counts.chunk_by(|a, b| a + 1 == *b) {
        match run {
            [first, _, .., last] => parts.push(format!("{first} to {last}")),
            few => parts.extend(few.iter().map(u32::to_string)),
        }
    }
    match parts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

/// Counts as they are typed, `1..64` where they have no gaps.
pub fn typed(counts: &[u32]) -> String {
    let runs = counts.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [first, _, .., last] => format!("{first}..{last}"),
        few => few.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
    });
    runs.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_lists_are_read_and_told_again() {
        assert_eq!(parse("1..4").unwrap(), [1, 2, 3, 4]);
        assert_eq!(parse("8,1..=2, 2").unwrap(), [1, 2, 8]);
        assert_eq!(words(&[3, 4, 5, 7]), "3 to 5 and 7");
        assert_eq!(words(&[2, 4, 8]), "2, 4 and 8");
        assert_eq!(words(&[]), "");
        for text in ["1..64", "1,2,4,8", "1..3,9", "5"] {
            assert_eq!(typed(&parse(text).unwrap()), text);
        }
    }

    #[test]
    fn nonsense_is_refused_in_a_sentence() {
        for (text, word) in [
            ("", "written like"),
            ("1..", "written like"),
            ("two", "written like"),
            ("0..4", "at least 1"),
            ("8..2", "smaller number"),
            ("1..4000000000", "limit"),
            ("1..99999999999", "99999999999 threads are more than"),
            ("99999999999999999999999", "the limit here is"),
        ] {
            assert!(parse(text).unwrap_err().contains(word), "{text}");
        }
    }
}
