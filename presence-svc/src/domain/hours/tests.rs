#![allow(clippy::unwrap_used)]

use jiff::civil;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Zones that move their clocks at the usual hours, at midnight, by half an hour, and not at all.
const ZONES: [&str; 7] = [
    "America/Chicago",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "UTC",
];

fn hours(time_zone: &str, open: &[&str]) -> Hours {
    Hours::new(time_zone, open).unwrap()
}

/// The moment of a time with its offset, for example "2027-03-14T01:30-06:00".
fn ms(time: &str) -> i64 {
    time.parse::<Timestamp>().unwrap().as_millisecond()
}

/// The state at a moment, with the next change as the zone's clocks show it.
fn at(hours: &Hours, time: &str) -> (bool, String) {
    let state = hours.at(ms(time));
    let next = state.next_change_ms.map(|next| {
        let next = Timestamp::from_millisecond(next).unwrap();
        let shown = hours.time_zone.to_datetime(next);
        let offset = hours.time_zone.to_offset(next);
        format!("{} {offset}", shown.strftime("%a %d %H:%M"))
    });
    (state.open, next.unwrap_or_default())
}

fn open_until(next: &str) -> (bool, String) {
    (true, next.to_owned())
}

fn closed_until(next: &str) -> (bool, String) {
    (false, next.to_owned())
}

// R19: closing time is scheduled.
#[test]
fn a_week_opens_and_closes() {
    let week = hours(
        "America/Chicago",
        &["Mon-Fri 09:00-21:00", "Sat 10:00-17:00"],
    );
    for (time, expected) in [
        // A Thursday.
        (
            "2026-11-26T08:59:59.999-06:00",
            closed_until("Thu 26 09:00 -06"),
        ),
        ("2026-11-26T09:00-06:00", open_until("Thu 26 21:00 -06")),
        (
            "2026-11-26T20:59:59.999-06:00",
            open_until("Thu 26 21:00 -06"),
        ),
        ("2026-11-26T21:00-06:00", closed_until("Fri 27 09:00 -06")),
        ("2026-11-28T12:00-06:00", open_until("Sat 28 17:00 -06")),
        ("2026-11-28T17:00-06:00", closed_until("Mon 30 09:00 -06")),
    ] {
        assert_eq!(at(&week, time), expected, "{time}");
    }
    let closed = ms("2026-11-29T12:00-06:00");
    assert_eq!(
        week.next_open_ms(closed),
        Some(ms("2026-11-30T09:00-06:00"))
    );
    let open = ms("2026-11-30T12:00-06:00");
    assert_eq!(week.next_open_ms(open), Some(open));
}

#[test]
fn the_hours_are_those_of_the_clocks_before_and_after_they_are_changed() {
    let week = hours("America/Chicago", &["Mon-Sun 09:00-17:00"]);
    // On Sunday 14 March 2027 the clocks go forward, on Sunday 7 November 2027 they go back.
    for (time, expected) in [
        ("2027-03-13T17:00-06:00", closed_until("Sun 14 09:00 -05")),
        ("2027-11-06T17:00-05:00", closed_until("Sun 07 09:00 -06")),
    ] {
        assert_eq!(at(&week, time), expected, "{time}");
    }
}

#[test]
fn a_time_that_the_clocks_skip_is_the_moment_of_the_skip() {
    let opens = hours("America/Chicago", &["Sun 02:30-05:00"]);
    let closes = hours("America/Chicago", &["Sun 01:00-02:30"]);
    let skipped = hours("America/Chicago", &["Sun 02:10-02:50"]);
    for (hours, time, expected) in [
        (
            &opens,
            "2027-03-14T01:59-06:00",
            closed_until("Sun 14 03:00 -05"),
        ),
        (
            &opens,
            "2027-03-14T03:00-05:00",
            open_until("Sun 14 05:00 -05"),
        ),
        (
            &closes,
            "2027-03-14T01:59-06:00",
            open_until("Sun 14 03:00 -05"),
        ),
        (
            &closes,
            "2027-03-14T03:00-05:00",
            closed_until("Sun 21 01:00 -05"),
        ),
        // The whole range is skipped: the week after has it again.
        (
            &skipped,
            "2027-03-08T12:00-06:00",
            closed_until("Sun 21 02:10 -05"),
        ),
    ] {
        assert_eq!(at(hours, time), expected, "{time}");
    }
}

#[test]
fn a_time_that_the_clocks_show_twice_is_the_first_of_the_two() {
    let opens = hours("America/Chicago", &["Sun 01:30-05:00"]);
    let closes = hours("America/Chicago", &["Sat 20:00-01:30"]);
    let within = hours("America/Chicago", &["Sun 01:10-01:50"]);
    for (hours, time, expected) in [
        (
            &opens,
            "2027-11-07T01:29-05:00",
            closed_until("Sun 07 01:30 -05"),
        ),
        // The clocks show 01:10 for the second time, and it has been open since 01:30.
        (
            &opens,
            "2027-11-07T01:10-06:00",
            open_until("Sun 07 05:00 -06"),
        ),
        (
            &closes,
            "2027-11-07T01:29-05:00",
            open_until("Sun 07 01:30 -05"),
        ),
        (
            &closes,
            "2027-11-07T01:10-06:00",
            closed_until("Sat 13 20:00 -06"),
        ),
        (
            &within,
            "2027-11-07T01:20-05:00",
            open_until("Sun 07 01:50 -05"),
        ),
        (
            &within,
            "2027-11-07T01:20-06:00",
            closed_until("Sun 14 01:10 -06"),
        ),
    ] {
        assert_eq!(at(hours, time), expected, "{time}");
    }
}

#[test]
fn a_range_may_run_past_midnight_and_past_the_end_of_the_week() {
    let late = hours("Europe/Berlin", &["Fri-Sun 20:00-02:00", "Mon 02:00-04:00"]);
    for (time, expected) in [
        ("2026-11-27T23:00+01:00", open_until("Sat 28 02:00 +01")),
        ("2026-11-28T01:59+01:00", open_until("Sat 28 02:00 +01")),
        ("2026-11-28T02:00+01:00", closed_until("Sat 28 20:00 +01")),
        // Ranges that touch are joined: nothing changes where they do.
        ("2026-11-29T23:00+01:00", open_until("Mon 30 04:00 +01")),
        ("2026-11-30T03:00+01:00", open_until("Mon 30 04:00 +01")),
    ] {
        assert_eq!(at(&late, time), expected, "{time}");
    }
}

#[test]
fn what_is_never_open_or_never_closed_never_changes() {
    let now = ms("2026-11-26T12:00-06:00");
    let never = hours("America/Chicago", &[]);
    assert_eq!(at(&never, "2026-11-26T12:00-06:00"), closed_until(""));
    assert_eq!(never.next_open_ms(now), None);
    for open in [
        ["Mon-Sun 00:00-24:00"].as_slice(),
        &["Wed-Tue 08:00-20:00", "Thu-Wed 20:00-08:00"],
    ] {
        let always = hours("America/Chicago", open);
        assert_eq!(at(&always, "2026-11-26T12:00-06:00"), open_until(""));
        assert_eq!(always.next_open_ms(now), Some(now));
    }
}

#[test]
fn no_moment_makes_it_panic() {
    let week = hours("America/Chicago", &["Mon-Fri 09:00-21:00"]);
    for unix_ms in [
        i64::MIN,
        i64::MAX,
        Timestamp::MIN.as_millisecond(),
        Timestamp::MAX.as_millisecond(),
    ] {
        let _ = week.at(unix_ms);
    }
}

#[test]
fn what_is_wrong_is_told_with_what_to_write() {
    let told = |time_zone: &str, open: &[&str]| -> Vec<String> {
        let errors = Hours::new(time_zone, open).unwrap_err();
        errors.iter().map(ToString::to_string).collect()
    };
    for (open, complaint) in [
        ("", "write days and times, for example Mon-Fri 09:00-21:00"),
        ("Mon", "write days and times"),
        ("Mon 09:00", "write days and times"),
        (
            "Monday 09:00-10:00",
            "\"Monday\" is not a day; write Mon, Tue",
        ),
        ("Mon-Fry 09:00-10:00", "\"Fry\" is not a day"),
        (
            "Mon 9:00-10:00",
            "\"9:00\" is not a time; write 00:00 to 23:59",
        ),
        ("Mon 09:00-25:00", "\"25:00\" is not a time"),
        ("Mon 09:00-24:01", "\"24:01\" is not a time"),
        ("Mon 09:60-10:00", "\"09:60\" is not a time"),
        ("Mon 24:00-10:00", "\"24:00\" is not a time"),
        ("Mon +9:00-10:00", "\"+9:00\" is not a time"),
        (
            "Mon 09:00-09:00",
            "it ends when it begins; write 00:00-24:00",
        ),
        ("Mon 09:00-10:00-11:00", "\"10:00-11:00\" is not a time"),
    ] {
        let told = told("UTC", &[open]);
        assert_eq!(told.len(), 1, "{open:?}: {told:?}");
        assert!(told[0].contains(complaint), "{open:?}: {told:?}");
    }
    for time_zone in ["", "America/Chicagoo", "Etc/Unknown", "../UTC", "CST6CDT5"] {
        let told = told(time_zone, &[]);
        assert_eq!(
            told,
            [format!(
                "there is no time zone {time_zone:?}; write its name in the IANA database, for example America/Chicago"
            )]
        );
    }
    for open in [
        ["Mon-Fri 09:00-21:00", "Wed 20:00-22:00"],
        ["Mon 09:00-10:00", "Mon 09:00-10:00"],
        ["Sun 20:00-02:00", "Mon 01:00-03:00"],
        ["Mon-Sun 00:00-24:00", "Thu 12:00-12:01"],
    ] {
        let told = told("UTC", &open);
        assert!(told[0].contains("overlap"), "{told:?}");
        assert!(told[0].contains(open[0]), "{told:?}");
        assert!(told[0].contains(open[1]), "{told:?}");
    }
    // Everything at once.
    assert_eq!(told("Nowhere", &["Mon", "Tue"]).len(), 3);
}

#[test]
fn ranges_are_written_in_one_way() {
    for (text, written) in [
        ("Mon-Fri 09:00-21:00", "Mon-Fri 09:00-21:00"),
        ("  sat  10:00 - 17:00 ", "Sat 10:00-17:00"),
        ("Fri-Mon 20:00-02:00", "Fri-Mon 20:00-02:00"),
        ("Sun 20:00-00:00", "Sun 20:00-24:00"),
        ("Mon-Mon 00:00-24:00", "Mon 00:00-24:00"),
    ] {
        assert_eq!(
            text.parse::<OpenRange>().unwrap().to_string(),
            written,
            "{text:?}"
        );
    }
    let week = hours("america/chicago", &["Fri-Mon 20:00-02:00"]);
    let json = serde_json::to_string(&week).unwrap();
    assert_eq!(
        json,
        r#"{"time_zone":"America/Chicago","open":["Fri-Mon 20:00-02:00"]}"#
    );
    assert_eq!(serde_json::from_str::<Hours>(&json).unwrap(), week);
    let unknown = r#"{"time_zone":"Nowhere","open":[]}"#;
    assert!(serde_json::from_str::<Hours>(unknown).is_err());
}

/// Up to four ranges; those that overlap another one are left out.
fn any_hours() -> impl Strategy<Value = Hours> {
    let range = (0..7usize, 0..7usize, 0..DAY, 0..=DAY);
    (select(&ZONES[..]), vec(range, 0..5)).prop_map(|(time_zone, ranges)| {
        let mut open: Vec<String> = Vec::new();
        for (first, last, from, to) in ranges {
            let (first, _) = DAYS[first];
            let (last, _) = DAYS[last];
            let [from, to] = [from, to].map(|at| format!("{:02}:{:02}", at / 60, at % 60));
            open.push(format!("{first}-{last} {from}-{to}"));
            if Hours::new(time_zone, &open).is_err() {
                open.pop();
            }
        }
        Hours::new(time_zone, &open).unwrap()
    })
}

/// Moments of two years, half of them around a change of some zone's clocks.
fn any_moment() -> impl Strategy<Value = i64> {
    let anywhere = ms("2026-01-01T00:00Z")..ms("2028-01-01T00:00Z");
    let near_change = (select(&ZONES[..6]), 0..4usize, -2 * DAY_MS..2 * DAY_MS).prop_map(
        |(time_zone, number, off)| {
            let zone = zone(time_zone).unwrap();
            let from = Timestamp::from_millisecond(ms("2026-01-01T00:00Z")).unwrap();
            let change = zone.following(from).nth(number);
            change
                .map_or(from, |change| change.timestamp())
                .as_millisecond()
                + off
        },
    );
    prop_oneof![anywhere, near_change]
}

/// Whether it is open by the clock's face: right wherever the clocks were not changed within a day.
fn open_by_the_face(hours: &Hours, unix_ms: i64) -> bool {
    let shown = hours
        .time_zone
        .to_datetime(Timestamp::from_millisecond(unix_ms).unwrap());
    let minute = u16::try_from(shown.hour()).unwrap() * 60 + u16::try_from(shown.minute()).unwrap();
    let within = |day: civil::Date, minute: u16| {
        hours.open.iter().any(|range| {
            range.days().any(|open| open == day.weekday())
                && (range.from..range.to).contains(&minute)
        })
    };
    within(shown.date(), minute) || within(shown.date().yesterday().unwrap(), minute + DAY)
}

proptest! {
    // The property: the state holds until next_change_ms and flips there.
    #[test]
    fn the_state_holds_until_the_next_change_and_flips_there(
        hours in any_hours(), moment in any_moment(), shares in vec(0.0..1.0f64, 20),
    ) {
        let state = hours.at(moment);
        let until = state.next_change_ms.unwrap_or(moment + 30 * DAY_MS);
        prop_assert!(moment < until);
        for share in shares {
            #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any moment before will do")]
            let between = moment + ((until - moment) as f64 * share) as i64;
            prop_assert_eq!(hours.at(between), state, "at {}", between);
        }
        prop_assert_eq!(hours.at(until - 1), state);
        if let Some(change) = state.next_change_ms {
            let then = hours.at(change);
            prop_assert_eq!(then.open, !state.open);
            prop_assert_ne!(hours.at(change - 1).open, then.open);
            prop_assert_eq!(hours.next_open_ms(moment), Some(if state.open { moment } else { change }));
        } else {
            prop_assert_eq!(hours.next_open_ms(moment), state.open.then_some(moment));
        }
    }

    #[test]
    fn where_no_clock_is_changed_it_is_open_by_the_face_of_the_clocks(
        hours in any_hours(), moment in any_moment(),
    ) {
        let around = Timestamp::from_millisecond(moment - DAY_MS).unwrap();
        let change = hours.time_zone.following(around).next();
        prop_assume!(change.is_none_or(|change| change.timestamp().as_millisecond() > moment));
        prop_assert_eq!(hours.at(moment).open, open_by_the_face(&hours, moment));
    }

    #[test]
    fn hours_survive_their_journey_through_json(hours in any_hours()) {
        let json = serde_json::to_string(&hours).unwrap();
        prop_assert_eq!(serde_json::from_str::<Hours>(&json).unwrap(), hours);
    }

    #[test]
    fn no_text_makes_it_panic(time_zone in any::<String>(), open in vec(any::<String>(), 0..3)) {
        let _ = Hours::new(&time_zone, &open);
        let _ = Hours::new("UTC", &open);
    }
}
