//! Commands made of the one that began a run: with its source of scenarios and its settings.

use crate::store::Header;

/// Flags of the first command that say where its scenarios come from.
const SOURCE: [&str; 3] = ["--binary", "--manifest-path", "--profile"];

/// Where the scenarios of a run come from, and what they are told.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The command that repeats the run.
    command: Vec<String>,
    /// What every command over the same scenarios has at its end.
    common: Vec<String>,
}

impl Origin {
    /// Of a stored run.
    pub fn of(header: &Header) -> Origin {
        let command = words(&header.command);
        let mut common = Vec::new();
        for (key, value) in &header.plan.settings {
            match key.as_str() {
                "model" => common.extend(["--model".to_owned(), value.clone()]),
                _ => common.extend(["--set".to_owned(), format!("{key}={value}")]),
            }
        }
        for pair in command.windows(2).filter(|pair| SOURCE.contains(&pair[0].as_str())) {
            common.extend_from_slice(pair);
        }
        Origin { command, common }
    }

    /// Of the flags `common`, where there is no run.
    pub fn with(common: Vec<String>) -> Origin {
        Origin { command: vec![], common }
    }

    /// `standstill explore SCENARIO -t N`.
    pub fn explore(&self, scenario: &str, threads: Option<u32>) -> Vec<String> {
        let threads = threads.map(|n| ["-t".to_owned(), n.to_string()]);
        self.over("explore", scenario, threads.into_iter().flatten())
    }

    /// `standstill sweep SCENARIO`, for the kind that the first command asked for, if it asked for one:
    /// without it the next sweep would answer another question.
    pub fn sweep(&self, scenario: &str) -> Vec<String> {
        let is_asked = self.command.get(1).is_some_and(|command| command == "sweep");
        let kind = self.command.windows(2).find(|pair| is_asked && pair[0] == "--kind");
        self.over("sweep", scenario, kind.into_iter().flatten().cloned())
    }

    /// `standstill stress SCENARIO -t N -n TRIALS`.
    pub fn stress(&self, scenario: &str, threads: u32, trials: u64) -> Vec<String> {
        let flags = ["-t".to_owned(), threads.to_string(), "-n".to_owned(), trials.to_string()];
        self.over("stress", scenario, flags)
    }

    /// The first command with other values for some of its flags; none if it lacks one of them.
    pub fn again(&self, changes: &[(&str, String)]) -> Option<Vec<String>> {
        let mut words = self.command.clone();
        for (flag, value) in changes {
            let at = words.iter().position(|word| word == flag)?;
            words.get_mut(at + 1)?.clone_from(value);
        }
        Some(words)
    }

    fn over(
        &self,
        command: &str,
        scenario: &str,
        flags: impl IntoIterator<Item = String>,
    ) -> Vec<String> {
        let head = ["standstill".to_owned(), command.to_owned(), scenario.to_owned()];
        head.into_iter().chain(flags).chain(self.common.iter().cloned()).collect()
    }
}

/// The words of a command that `quoted` has put together.
pub fn words(command: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut is_quoted) = (None::<String>, false);
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            '\\' if !is_quoted => word.get_or_insert_default().extend(chars.next()),
            ' ' if !is_quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::explore::target::quoted;

    proptest! {
        #[test]
        fn words_that_were_quoted_read_back(all in proptest::collection::vec(".{0,12}", 0..6)) {
            let line: Vec<String> = all.iter().map(|word| quoted(word)).collect();
            prop_assert_eq!(words(&line.join(" ")), all);
        }
    }
}
