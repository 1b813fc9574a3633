//! What is wrong with settings that their types do not express.

use std::fmt::{self, Display};

use super::HumanDuration;

/// All settings that can't be used, each with its key and what to write instead, so that they can be mended at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Adds a setting that can't be used, by its full key. Problems are told in the order in which they were added.
    pub fn add(&mut self, key: impl Display, problem: impl Display) {
        self.0.push(format!("{key}: {problem}"));
    }

    /// Adds a setting that can't be used, as an error that begins with its key tells it.
    pub fn add_named(&mut self, error: impl Display) {
        self.0.push(error.to_string());
    }

    /// Adds the error of another check, if it has one, which begins with its key.
    pub fn take_named<T, E: Display>(&mut self, checked: Result<T, E>) {
        if let Err(error) = checked {
            self.add_named(error);
        }
    }

    /// Adds what another check found.
    pub fn take(&mut self, checked: Result<(), Self>) {
        if let Err(Self(mut problems)) = checked {
            self.0.append(&mut problems);
        }
    }

    /// Adds those of a section's durations that are zero. Each has its usual value with it, as an example.
    pub fn add_zero_times<const N: usize>(
        &mut self,
        section: &str,
        times: [(&str, HumanDuration, HumanDuration); N],
    ) {
        for (key, time, usual) in times {
            if time.get().is_zero() {
                let problem = format!("must not be 0; write a length of time, such as {usual}");
                self.add(format_args!("{section}.{key}"), problem);
            }
        }
    }

    /// Adds those of a section's numbers that are zero. Each has its usual value with it, as an example.
    pub fn add_zero_counts<const N: usize>(
        &mut self,
        section: &str,
        counts: [(&str, usize, usize); N],
    ) {
        for (key, count, usual) in counts {
            if count == 0 {
                let problem = format!("must not be 0; write a number, such as {usual}");
                self.add(format_args!("{section}.{key}"), problem);
            }
        }
    }

    /// Returns the result of the check.
    ///
    /// # Errors
    /// When something was added.
    pub fn checked(self) -> Result<(), Self> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(self),
        }
    }
}

impl Display for Problems {
    /// Writes a single problem as it is, and several one a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [problem] => f.write_str(problem),
            problems => {
                write!(f, "{} settings can't be used:", problems.len())?;
                problems
                    .iter()
                    .try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_told_each_with_its_key() {
        let mut problems = Problems::default();
        assert_eq!(problems.clone().checked(), Ok(()));
        let (none, usual) = (HumanDuration::default(), HumanDuration::from_secs(5));
        problems.add_zero_times("a", [("heartbeat", none, usual), ("sweep", usual, usual)]);
        let one = "a.heartbeat: must not be 0; write a length of time, such as 5s";
        assert_eq!(problems.to_string(), one);
        let mut more = Problems::default();
        more.add_zero_counts("b", [("backlog", 0, 256), ("queue", 1, 256)]);
        problems.take(more.checked());
        problems.take(Ok(()));
        let two = "b.backlog: must not be 0; write a number, such as 256";
        let all = format!("2 settings can't be used:\n  {one}\n  {two}");
        assert_eq!(problems.to_string(), all);
        assert_eq!(problems.clone().checked(), Err(problems));
    }
}
