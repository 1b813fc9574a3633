//! Telling the sender of a request of all its wrong fields at once.

use super::Refusal;

/// Collects what is wrong with the fields of one request that can be checked independently of each other.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    wrong: Option<Refusal>,
}

impl Fields {
    /// Returns what was read from a field. If the field is wrong, this is a stand-in, and [`Fields::check`] will fail.
    pub fn take<T: Default>(&mut self, read: Result<T, impl Into<Refusal>>) -> T {
        read.unwrap_or_else(|error| {
            let refusal = error.into();
            self.wrong = Some(match self.wrong.take() {
                Some(first) => first.and(refusal),
                None => refusal,
            });
            T::default()
        })
    }

    /// Ends the checks.
    ///
    /// # Errors
    /// If any field was wrong: a refusal that names all of them.
    pub fn check(self) -> Result<(), Refusal> {
        self.check_with(Ok::<_, Refusal>(()))
    }

    /// Ends the checks with the last field, and returns what was read from it.
    ///
    /// # Errors
    /// As for [`Fields::check`].
    pub fn check_with<T>(self, last: Result<T, impl Into<Refusal>>) -> Result<T, Refusal> {
        match (last, self.wrong) {
            (Ok(read), None) => Ok(read),
            (Ok(_), Some(wrong)) => Err(wrong),
            (Err(error), None) => Err(error.into()),
            (Err(error), Some(wrong)) => Err(wrong.and(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn invalid(reason: &str, field: &str) -> Result<u8, Refusal> {
        Err(Refusal::invalid(reason, field, "write another"))
    }

    #[test]
    fn what_is_right_is_passed_on() {
        let mut fields = Fields::default();
        assert_eq!(fields.take(Ok::<_, Refusal>(7)), 7);
        assert_eq!(fields.check(), Ok(()));
    }

    #[test]
    fn the_last_field_is_named_with_the_others() {
        let last = || Fields::default().check_with(invalid("EMPTY", "to"));
        assert_eq!(last().unwrap_err().field_violations.len(), 1);
        let mut fields = Fields::default();
        fields.take(invalid("EMPTY", "text"));
        let both = fields.clone().check_with(invalid("EMPTY", "to"));
        assert_eq!(both.unwrap_err().field_violations.len(), 2);
        assert_eq!(
            fields.check_with(Ok::<_, Refusal>(7)).unwrap_err().reason,
            "EMPTY"
        );
        assert_eq!(Fields::default().check_with(Ok::<_, Refusal>(7)), Ok(7));
    }

    #[test]
    fn all_that_is_wrong_is_named_under_the_first_reason() {
        let mut fields = Fields::default();
        fields.take(invalid("EMPTY", "question"));
        fields.take(Ok::<_, Refusal>(7));
        fields.take(invalid("TOO_LONG", "patron_name").map_err(|error| error.with("limit", "100")));
        let refusal = fields.check().unwrap_err();
        assert_eq!(refusal.reason, "EMPTY");
        assert_eq!(
            refusal.message,
            "question: write another; patron_name: write another"
        );
        let names: Vec<_> = (refusal.field_violations.iter())
            .map(|(field, _)| &**field)
            .collect();
        assert_eq!(names, ["question", "patron_name"]);
        assert!(refusal.metadata.is_empty(), "it belongs to the reason");
    }
}
