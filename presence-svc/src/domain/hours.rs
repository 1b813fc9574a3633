//! When a queue is open: weekly hours in a time zone.
//!
//! # What a range means
//!
//! A range such as `Fri 20:00-02:00` begins at the first moment at which the zone's clocks show Friday 20:00 or later,
//! and ends at the first moment at which they show Saturday 02:00 or later. So a time that the clocks skip in spring is
//! the moment of the skip, and one that they show twice in autumn is the first of the two: a desk never opens a second
//! time because the clocks were put back.
//!
//! The time zone rules are built into the program, so that every machine answers alike.

use std::{fmt, str::FromStr};

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time, Weekday},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Serialize};

/// How many minutes a day has on a clock.
const DAY: u16 = 24 * 60;
/// How many minutes a week has on a clock.
const WEEK: u16 = 7 * DAY;
/// How many days are sure to hold the next change: clocks that skip a weekly range put it off for a week, not for two.
const HORIZON: usize = 22;

/// The days as people write them, from Monday on.
const DAYS: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];

/// Weekly hours in a time zone. Its ranges do not overlap; without any, it is never open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Hours {
    time_zone: TimeZone,
    open: Vec<OpenRange>,
}

/// Whether a queue is open at a moment, and until when that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoursState {
    /// Whether it is open.
    pub open: bool,
    /// When this changes next, in Unix milliseconds. `None` if it never does.
    pub next_change_ms: Option<i64>,
}

/// A range of time on certain days of every week, to the minute. It may run past midnight, into the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenRange {
    first: Weekday,
    last: Weekday,
    /// In minutes after midnight.
    from: u16,
    /// In minutes after the same midnight, so above [`DAY`] for a range that runs past the next one.
    to: u16,
}

/// What is wrong with hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HoursError {
    /// There is no such time zone.
    #[error(
        "there is no time zone {0:?}; write its name in the IANA database, for example America/Chicago"
    )]
    TimeZone(String),
    /// A range can't be read.
    #[error("{0:?} is not a range; {1}")]
    Range(String, RangeError),
    /// Two ranges are open at the same time.
    #[error("\"{0}\" and \"{1}\" overlap; let one end before the other begins")]
    Overlap(OpenRange, OpenRange),
}

/// Why a text is not a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// It does not have the form of a range.
    #[error("write days and times, for example Mon-Fri 09:00-21:00 or Sat 10:00-17:00")]
    Form,
    /// It names a day that does not exist.
    #[error("{0:?} is not a day; write Mon, Tue, Wed, Thu, Fri, Sat or Sun")]
    Day(String),
    /// It names a time that does not exist.
    #[error("{0:?} is not a time; write 00:00 to 23:59, or 24:00 for the end of the day")]
    Time(String),
    /// It ends when it begins.
    #[error("it ends when it begins; write 00:00-24:00 for the whole day")]
    Empty,
}

// === impl Hours ===

impl Hours {
    /// Parses hours as people write them: a time zone of the IANA database, and ranges such as `Mon-Fri 09:00-21:00`.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn new<T: AsRef<str>>(time_zone: &str, open: &[T]) -> Result<Self, Vec<HoursError>> {
        let mut errors = Vec::new();
        let zone = zone(time_zone);
        if zone.is_none() {
            errors.push(HoursError::TimeZone(time_zone.to_owned()));
        }
        let mut ranges = Vec::new();
        for text in open {
            match text.as_ref().parse() {
                Ok(range) => ranges.push(range),
                Err(error) => errors.push(HoursError::Range(text.as_ref().to_owned(), error)),
            }
        }
        errors.extend(overlap(&ranges).map(|(one, other)| HoursError::Overlap(one, other)));
        match zone {
            Some(time_zone) if errors.is_empty() => Ok(Self {
                time_zone,
                open: ranges,
            }),
            _ => Err(errors),
        }
    }

    /// Returns the state at a moment.
    #[must_use]
    pub fn at(&self, unix_ms: i64) -> HoursState {
        if self.open.iter().map(OpenRange::minutes).sum::<u16>() == WEEK {
            return HoursState {
                open: true,
                next_change_ms: None,
            };
        }
        let next = self
            .periods_around(unix_ms)
            .into_iter()
            .find(|(_, end)| unix_ms < *end);
        match next {
            Some((start, end)) if start <= unix_ms => HoursState {
                open: true,
                next_change_ms: Some(end),
            },
            next => HoursState {
                open: false,
                next_change_ms: next.map(|(start, _)| start),
            },
        }
    }

    /// Returns when it is open next: the moment itself if it is open then. `None` if it never is.
    #[must_use]
    pub fn next_open_ms(&self, unix_ms: i64) -> Option<i64> {
        let state = self.at(unix_ms);
        if state.open {
            Some(unix_ms)
        } else {
            state.next_change_ms
        }
    }

    /// Returns the periods in which it is open, from before a moment until after the next change, in order. Periods
    /// that touch are joined.
    fn periods_around(&self, unix_ms: i64) -> Vec<(i64, i64)> {
        let Ok(moment) = Timestamp::from_millisecond(unix_ms) else {
            return Vec::new();
        };
        let today = self.time_zone.to_datetime(moment).date();
        // Yesterday's ranges may run past midnight.
        let first = today.yesterday().unwrap_or(today);
        let days = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(HORIZON);
        let mut periods: Vec<(i64, i64)> = days
            .flat_map(|day| self.periods_of(day))
            .filter(|(start, end)| start < end)
            .collect();
        periods.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::with_capacity(periods.len());
        for (start, end) in periods {
            match joined.last_mut() {
                Some((_, until)) if start <= *until => *until = end.max(*until),
                _ => joined.push((start, end)),
            }
        }
        joined
    }

    /// Returns the periods that begin on a day. One that the clocks skip has no length.
    fn periods_of(&self, day: Date) -> impl Iterator<Item = (i64, i64)> {
        self.open
            .iter()
            .filter(move |range| range.days().any(|weekday| weekday == day.weekday()))
            .filter_map(move |range| {
                let start = self.first_moment(minutes_into(day, range.from)?)?;
                let end = self.first_moment(minutes_into(day, range.to)?)?;
                Some((start.as_millisecond(), end.as_millisecond()))
            })
    }

    /// Returns the first moment at which the zone's clocks show this time or a later one.
    fn first_moment(&self, shown: DateTime) -> Option<Timestamp> {
        let ambiguous = self.time_zone.to_ambiguous_timestamp(shown);
        match ambiguous.offset() {
            AmbiguousOffset::Gap { after, .. } => {
                // By the offset that holds after the skip, the skipped time lies before the skip.
                let before_skip = after.to_timestamp(shown).ok()?;
                let skip = self.time_zone.following(before_skip).next()?;
                Some(skip.timestamp())
            }
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
                ambiguous.earlier().ok()
            }
        }
    }
}

/// Hours as they are written to the log.
#[derive(Clone, Serialize, Deserialize)]
struct Written {
    time_zone: String,
    open: Vec<String>,
}

impl From<Hours> for Written {
    fn from(hours: Hours) -> Self {
        Self {
            // A zone that was found in the database by its name has one.
            time_zone: hours.time_zone.iana_name().unwrap_or_default().to_owned(),
            open: hours.open.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<Written> for Hours {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        Self::new(&written.time_zone, &written.open).map_err(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            errors.join("; ")
        })
    }
}

fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled()
        .get(name)
        .ok()
        .filter(|zone| zone.iana_name().is_some())
}

fn minutes_into(day: Date, minutes: u16) -> Option<DateTime> {
    day.to_datetime(Time::midnight())
        .checked_add(SignedDuration::from_mins(minutes.into()))
        .ok()
}

/// Returns two ranges that are open at the same time, if there are any.
fn overlap(ranges: &[OpenRange]) -> Option<(OpenRange, OpenRange)> {
    let mut parts: Vec<(u16, u16, OpenRange)> = ranges
        .iter()
        .flat_map(|range| {
            range.days().map(|day| {
                let midnight = day_number(day) * DAY;
                (midnight + range.from, midnight + range.to, *range)
            })
        })
        .collect();
    parts.sort_unstable_by_key(|(start, ..)| *start);
    // The last part of the week is followed by the first of the next one.
    let again = parts
        .first()
        .map(|(start, end, range)| (start + WEEK, end + WEEK, *range));
    parts.extend(again);
    parts.windows(2).find_map(|pair| match pair {
        [(_, end, one), (start, _, other)] if start < end => Some((*one, *other)),
        _ => None,
    })
}

/// How many days after Monday.
fn day_number(day: Weekday) -> u16 {
    day.to_monday_zero_offset().unsigned_abs().into()
}

// === impl OpenRange ===

impl OpenRange {
    /// The days on which it begins.
    fn days(&self) -> impl Iterator<Item = Weekday> + use<> {
        let more = self.last.since(self.first).unsigned_abs();
        self.first.cycle_forward().take(usize::from(more) + 1)
    }

    /// Returns how many minutes of each week it covers.
    fn minutes(&self) -> u16 {
        self.days().map(|_| self.to - self.from).sum()
    }
}

impl FromStr for OpenRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (days, times) = text
            .trim()
            .split_once(char::is_whitespace)
            .ok_or(RangeError::Form)?;
        let (from, to) = times.trim().split_once('-').ok_or(RangeError::Form)?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let (first, last) = (day(first)?, day(last)?);
        let (from, to) = match (time(from)?, time(to)?) {
            (DAY, _) => return Err(RangeError::Time(from.trim().to_owned())),
            (from, to) if from == to => return Err(RangeError::Empty),
            (from, to) if to < from => (from, to + DAY),
            times => times,
        };
        Ok(Self {
            first,
            last,
            from,
            to,
        })
    }
}

impl fmt::Display for OpenRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(day_name(self.first))?;
        if self.first != self.last {
            write!(f, "-{}", day_name(self.last))?;
        }
        // Midnight itself is written as the end of the day.
        let to = if self.to > DAY {
            self.to - DAY
        } else {
            self.to
        };
        write!(
            f,
            " {:02}:{:02}-{:02}:{:02}",
            self.from / 60,
            self.from % 60,
            to / 60,
            to % 60
        )
    }
}

fn day(name: &str) -> Result<Weekday, RangeError> {
    DAYS.iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, day)| *day)
        .ok_or_else(|| RangeError::Day(name.to_owned()))
}

fn day_name(day: Weekday) -> &'static str {
    let (name, _) = DAYS[usize::from(day_number(day))];
    name
}

/// Parses a time of day, in minutes after midnight, at most [`DAY`].
fn time(text: &str) -> Result<u16, RangeError> {
    let text = text.trim();
    let two_digits = |part: &str| {
        let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse::<u16>().ok()).flatten()
    };
    text.split_once(':')
        .and_then(|(hours, minutes)| Some((two_digits(hours)?, two_digits(minutes)?)))
        .filter(|(_, minutes)| *minutes < 60)
        .map(|(hours, minutes)| hours * 60 + minutes)
        .filter(|minutes| *minutes <= DAY)
        .ok_or_else(|| RangeError::Time(text.to_owned()))
}

#[cfg(test)]
mod tests;
