//! How large a run of a scenario is: what can be chosen of it without another program.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::explore::target::Target;
use crate::protocol::{ITERATIONS, ORDER_VAR, Order};

/// What a scenario's run is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Its actors.
    pub threads: u32,
    /// How often each repeats what it does; none if the scenario does not let that be chosen.
    pub iterations: Option<u32>,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&counted(self.threads, "thread"))?;
        self.iterations.map_or(Ok(()), |n| write!(f, " and {}", counted(n, "iteration")))
    }
}

/// So many of something.
pub(crate) fn counted(n: impl Into<u64>, what: &str) -> String {
    let n = n.into();
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

impl Target {
    /// The same scenario in another size; none if it is no scenario.
    pub fn of_size(&self, size: Size) -> Option<Target> {
        let mut target = Target { size: Some(size), ..self.clone() };
        let (_, text) = target.env.iter_mut().find(|(name, _)| name == ORDER_VAR)?;
        let mut order: Order = serde_json::from_str(text).ok()?;
        order.threads = size.threads;
        if let Some(iterations) = size.iterations {
            order.settings.insert(ITERATIONS.to_owned(), iterations.to_string());
        }
        *text = serde_json::to_string(&order).ok()?;
        Some(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{PROTOCOL, Task};

    #[test]
    fn another_size_is_another_order_of_the_same_scenario() {
        let mut target = Target::resolve(&["true".into()]).unwrap();
        let size = Size { threads: 2, iterations: Some(1) };
        assert!(target.of_size(size).is_none());
        let order = Order {
            protocol: PROTOCOL,
            scenario: "abba".to_owned(),
            task: Task::Trial,
            threads: 8,
            seed: 7,
            settings: [("model".to_owned(), "m.bin".to_owned())].into(),
            expected: None,
        };
        target.env = vec![(ORDER_VAR.to_owned(), serde_json::to_string(&order).unwrap())];
        let small = target.of_size(size).unwrap();
        let of_small: Order = serde_json::from_str(&small.env[0].1).unwrap();
        assert_eq!((of_small.threads, of_small.seed), (2, 7));
        assert_eq!(of_small.settings[ITERATIONS], "1");
        assert_eq!(of_small.settings["model"], "m.bin");
        assert_eq!(small.size.unwrap().to_string(), "2 threads and 1 iteration");
    }
}
