//! How deep the models are explored, if deeper than their own bounds.

use std::time::Duration;

/// What the environment asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Depth {
    preemptions: Asked,
    /// When one exploration is to end at the latest.
    pub(crate) time: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    AtLeast(usize),
    Any,
}

const DEPTH: &str = "STANDSTILL_MODELS_DEPTH";
const SECONDS: &str = "STANDSTILL_MODELS_SECONDS";

impl Depth {
    pub(crate) fn of_environment() -> Result<Depth, String> {
        let variable = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into());
        Depth::parse(variable(DEPTH), variable(SECONDS))
    }

    fn parse(depth: Option<String>, seconds: Option<String>) -> Result<Depth, String> {
        let preemptions = match depth.as_deref() {
            None => Asked::Nothing,
            Some("all") => Asked::Any,
            Some(number) => Asked::AtLeast(number.parse().map_err(|_| {
                format!("{DEPTH} is {number:?}: give a number of preemptions, or \"all\"")
            })?),
        };
        let time = seconds.map(|seconds| {
            let number = seconds.parse().ok().filter(|number| *number > 0);
            number.map(Duration::from_secs).ok_or_else(|| {
                format!("{SECONDS} is {seconds:?}: give a whole number of seconds, at least 1")
            })
        });
        Ok(Depth { preemptions, time: time.transpose()? })
    }

    /// A model's own bound, or more; none if every execution is to be seen.
    pub(crate) fn at_least(&self, own: Option<usize>) -> Option<usize> {
        match self.preemptions {
            Asked::Nothing => own,
            Asked::AtLeast(asked) => own.map(|own| own.max(asked)),
            Asked::Any => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(depth: &str) -> Depth {
        Depth::parse(Some(depth.to_owned()), None).unwrap()
    }

    #[test]
    fn unless_asked_a_model_keeps_its_own_bound() {
        let depth = Depth::parse(None, None).unwrap();
        assert_eq!((depth.at_least(Some(2)), depth.at_least(None)), (Some(2), None));
        assert_eq!(depth.time, None);
    }

    #[test]
    fn depth_is_never_less_than_a_models_own() {
        assert_eq!(asked("3").at_least(Some(2)), Some(3));
        assert_eq!(asked("1").at_least(Some(2)), Some(2));
        assert_eq!(asked("3").at_least(None), None);
        assert_eq!(asked("all").at_least(Some(2)), None);
    }

    #[test]
    fn what_is_no_depth_is_told() {
        for wrong in ["", "deep", "-1"] {
            let error = Depth::parse(Some(wrong.to_owned()), None).unwrap_err();
            assert!(error.contains(DEPTH) && error.contains("give a number"), "{error}");
        }
        for wrong in ["", "0", "1.5"] {
            let error = Depth::parse(None, Some(wrong.to_owned())).unwrap_err();
            assert!(error.contains(SECONDS) && error.contains("at least 1"), "{error}");
        }
    }
}
