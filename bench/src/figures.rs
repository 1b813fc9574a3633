//! Measured values, by name.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;

/// Figures of one run, or the medians of several.
pub type Figures = BTreeMap<String, f64>;

/// Adds the quantiles of a distribution of nanoseconds, in milliseconds, under `name`.
pub fn quantiles(figures: &mut Figures, name: &str, of: &Histogram<u64>) {
    if of.is_empty() {
        return;
    }
    for (quantile, label) in [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"), (1.0, "max")] {
        let value = Duration::from_nanos(of.value_at_quantile(quantile));
        figures.insert(format!("{name} {label} ms"), value.as_secs_f64() * 1e3);
    }
}

/// Returns the median of each figure over runs, and the worst value of those that must be zero.
#[must_use]
pub fn medians(runs: &[Figures]) -> Figures {
    let mut all: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for run in runs {
        for (name, value) in run {
            all.entry(name).or_default().push(*value);
        }
    }
    all.into_iter()
        .map(|(name, mut values)| {
            values.sort_by(f64::total_cmp);
            let value = if MUST_BE_ZERO.contains(&name) {
                values.last().copied()
            } else {
                let middle = values.len() / 2;
                if values.len() % 2 == 0 {
                    Some(f64::midpoint(values[middle - 1], values[middle]))
                } else {
                    Some(values[middle])
                }
            };
            (name.to_owned(), value.unwrap_or_default())
        })
        .collect()
}

/// Returns the mean of some values and its standard error.
#[must_use]
pub fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count.max(1.0);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let variance = squares / (count - 1.0).max(1.0);
    (mean, (variance / count.max(1.0)).sqrt())
}

/// Figures that say that something is wrong unless they are zero.
pub const MUST_BE_ZERO: [&str; 4] = ["lost", "repeated", "reordered", "refused"];

/// Returns whether nothing was lost, repeated, reordered or refused.
#[must_use]
pub fn sound(figures: &Figures) -> bool {
    MUST_BE_ZERO
        .iter()
        .all(|name| figures.get(*name).copied().unwrap_or(0.0) == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(delivered: f64, lost: f64) -> Figures {
        Figures::from([
            ("delivered/s".to_owned(), delivered),
            ("lost".to_owned(), lost),
        ])
    }

    #[test]
    fn a_loss_in_one_of_many_runs_is_not_averaged_away() {
        let medians = medians(&[run(1.0, 0.0), run(3.0, 1.0), run(2.0, 0.0)]);
        assert_eq!(medians, run(2.0, 1.0));
        assert!(!sound(&medians));
    }

    #[test]
    fn a_mean_is_the_surer_the_more_values_agree() {
        assert_eq!(mean_and_error(&[2.0, 2.0]), (2.0, 0.0));
        assert_eq!(mean_and_error(&[1.0, 3.0]), (2.0, 1.0));
        assert_eq!(mean_and_error(&[]), (0.0, 0.0));
    }

    #[test]
    fn the_median_of_an_even_number_of_runs_is_between_the_middle_two() {
        assert_eq!(medians(&[run(1.0, 0.0), run(2.0, 0.0)]), run(1.5, 0.0));
    }
}
