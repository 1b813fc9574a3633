//! What was said and what arrived: how soon, and whether all of it did, once and in order.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hdrhistogram::Histogram;

use crate::{
    client::BenchMessage,
    figures::{Figures, quantiles},
    moment::Moment,
};

/// How many failures are kept word for word.
const WORDS: usize = 5;

/// The ledger of one run, shared by all members.
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Debug)]
struct Book {
    /// Only messages that are due in this window are measured.
    window: Range<Moment>,
    sent: u64,
    accepted: u64,
    expected: u64,
    arrived: u64,
    repeated: u64,
    reordered: u64,
    gaps: u64,
    typed: u64,
    sent_in_window: u64,
    arrived_in_window: u64,
    failures: u64,
    words: Vec<String>,
    delivery: Histogram<u64>,
    acknowledgement: Histogram<u64>,
    join: Histogram<u64>,
}

/// What one member has received from one speaker.
#[derive(Debug, Default)]
pub struct Received {
    last: u32,
    missing: BTreeSet<u32>,
}

/// How an arrival relates to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The next message, or one after a gap.
    New,
    /// A message that later ones of the same speaker have overtaken.
    Overtaken,
    /// A message that had already arrived.
    Again,
}

impl Received {
    /// Records the arrival of a speaker's nth message.
    pub fn hear(&mut self, number: u32) -> Arrival {
        if number > self.last {
            self.missing.extend(self.last + 1..number);
            self.last = number;
            Arrival::New
        } else if self.missing.remove(&number) {
            Arrival::Overtaken
        } else {
            Arrival::Again
        }
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Book {
            window: Moment(0)..Moment(0),
            sent: 0,
            accepted: 0,
            expected: 0,
            arrived: 0,
            repeated: 0,
            reordered: 0,
            gaps: 0,
            typed: 0,
            sent_in_window: 0,
            arrived_in_window: 0,
            failures: 0,
            words: Vec::new(),
            delivery: histogram(),
            acknowledgement: histogram(),
            join: histogram(),
        })))
    }
}

/// Creates a histogram of nanoseconds, exact to a thousandth. It grows with its contents.
#[must_use]
pub fn histogram() -> Histogram<u64> {
    // The library accepts a precision of three digits.
    Histogram::new(3).unwrap_or_else(|_| unreachable!())
}

impl Ledger {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Measures what is due in the window that begins at `from` and lasts for `time`.
    pub fn measure(&self, from: Moment, time: Duration) {
        self.book().window = from..from.after(time);
    }

    /// Records that a message was sent to a number of others.
    pub fn sent(&self, said: &BenchMessage, others: usize) {
        let mut book = self.book();
        book.sent += 1;
        book.expected += others as u64;
        if book.window.contains(&said.due) {
            book.sent_in_window += 1;
        }
    }

    /// Records the acknowledgement of a message that was due at `due`.
    pub fn accepted(&self, due: Moment) {
        let mut book = self.book();
        book.accepted += 1;
        if book.window.contains(&due) {
            record(&mut book.acknowledgement, Moment::now().since(due));
        }
    }

    /// Records the arrival of a message.
    pub fn arrived(&self, said: &BenchMessage, arrival: Arrival) {
        let now = Moment::now();
        let mut book = self.book();
        match arrival {
            Arrival::New => {}
            Arrival::Overtaken => book.reordered += 1,
            Arrival::Again => {
                book.repeated += 1;
                return;
            }
        }
        book.arrived += 1;
        if book.window.contains(&now) {
            book.arrived_in_window += 1;
        }
        if book.window.contains(&said.due) {
            record(&mut book.delivery, now.since(said.due));
        }
    }

    /// Records that a member is back in their session, with everything that they had missed.
    pub fn back(&self, after: Duration) {
        record(&mut self.book().join, after);
    }

    /// Returns how many are back.
    #[must_use]
    pub fn count_back(&self) -> u64 {
        self.book().join.len()
    }

    /// Records that a member was shown a position that does not follow the one before it.
    pub fn gap(&self) {
        self.book().gaps += 1;
    }

    /// Records that a member was told that another types.
    pub fn typed(&self) {
        self.book().typed += 1;
    }

    /// Records that something was refused, or a connection lost.
    pub fn failed(&self, how: String) {
        let mut book = self.book();
        book.failures += 1;
        if book.words.len() < WORDS {
            book.words.push(how);
        }
    }

    /// Returns the first failures, word for word.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        self.book().words.clone()
    }

    /// Returns whether everything that was said has arrived everywhere and is acknowledged.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let book = self.book();
        book.accepted >= book.sent && book.arrived >= book.expected
    }

    /// Returns whether everything that was said is acknowledged.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        let book = self.book();
        book.accepted >= book.sent
    }

    /// Returns how many messages were sent so far.
    #[must_use]
    pub fn count_sent(&self) -> u64 {
        self.book().sent
    }

    /// Returns how many messages arrived so far.
    #[must_use]
    pub fn count_arrived(&self) -> u64 {
        self.book().arrived
    }

    /// Returns how many messages were sent in the window.
    #[must_use]
    pub fn count_sent_in_window(&self) -> u64 {
        self.book().sent_in_window
    }

    /// Returns how many messages arrived in the window.
    #[must_use]
    pub fn count_arrived_in_window(&self) -> u64 {
        self.book().arrived_in_window
    }

    /// Returns the figures of this ledger.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let book = self.book();
        let mut figures = Figures::new();
        quantiles(&mut figures, "delivery", &book.delivery);
        quantiles(&mut figures, "acknowledgement", &book.acknowledgement);
        quantiles(&mut figures, "join", &book.join);
        let lost = book.expected.saturating_sub(book.arrived) + book.gaps;
        for (name, count) in [
            ("lost", lost),
            ("repeated", book.repeated),
            ("reordered", book.reordered),
            ("refused", book.failures),
        ] {
            figures.insert(name.to_owned(), count as f64);
        }
        let window = book.window.end.since(book.window.start).as_secs_f64();
        if window > 0.0 {
            let rate = book.arrived_in_window as f64 / window;
            figures.insert("delivered/s".to_owned(), rate);
        }
        figures
    }
}

/// Adds a time to a histogram.
pub fn record(histogram: &mut Histogram<u64>, time: Duration) {
    // The histogram grows with its contents, up to centuries.
    let _ = histogram.record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(number: u32) -> BenchMessage {
        BenchMessage {
            speaker: 1,
            number,
            due: Moment::now(),
        }
    }

    /// Returns the figures when the two other members receive these of a speaker's two messages.
    fn figures(received: [&[u32]; 2]) -> Figures {
        let ledger = Ledger::default();
        ledger.sent(&said(1), 2);
        ledger.sent(&said(2), 2);
        for numbers in received {
            let mut heard = Received::default();
            for number in numbers {
                ledger.arrived(&said(*number), heard.hear(*number));
            }
        }
        ledger.figures()
    }

    #[test]
    fn what_is_right_counts_as_right() {
        assert!(crate::figures::sound(&figures([&[1, 2], &[1, 2]])));
    }

    #[test]
    fn a_loss_a_repeat_and_an_overtaking_are_told_apart() {
        for (received, name) in [
            ([&[1, 2][..], &[2][..]], "lost"),
            ([&[1, 2], &[1, 2, 2]], "repeated"),
            ([&[1, 2], &[2, 1]], "reordered"),
        ] {
            let figures = figures(received);
            for wrong in crate::figures::MUST_BE_ZERO {
                let count = if wrong == name { 1.0 } else { 0.0 };
                assert_eq!(figures.get(wrong), Some(&count), "{wrong} of {received:?}");
            }
        }
    }
}
