//! What an ended session was about: the descriptive codes that staff give it (D65). Like the resolution, they are set
//! when there is time, and can be corrected.

use carrel_platform::{auth::statement::CodeList, text::without_case};

use super::{
    access::Situation,
    decide::Decision,
    event::Event,
    people::LibrarianActor,
    refused::Refused,
    resolution::coder,
    session::{ROOM, Session},
};

/// How many codes a session can have.
pub const MAX_CODES: usize = 4;

/// How long a code may be, in Unicode scalar values.
pub const CODE_LIMIT: usize = 60;

/// Decides on setting or correcting the codes, for those who may set the resolution. Each change is an event, so that
/// the staff transcript has the history.
pub(super) fn set(
    situation: &Situation<'_>,
    librarian: &LibrarianActor,
    codes: &[String],
    list: Option<&CodeList>,
) -> Result<Decision, Refused> {
    let (by, session) = coder(situation, librarian)?;
    check(session, codes, list)?;
    if is_same(&session.descriptive_codes, codes) {
        return Ok(Decision::default());
    }
    if session.notes_size >= ROOM {
        return Err(Refused::Full);
    }
    let codes = codes.to_vec();
    Ok(Decision::happens(Event::DescriptiveCodesSet { by, codes }))
}

/// Checks codes against the list of the patron's library (D41). Those that the session has already may stay, whatever
/// became of the list.
fn check(session: &Session, codes: &[String], list: Option<&CodeList>) -> Result<(), Refused> {
    if codes.len() > MAX_CODES {
        return Err(Refused::TooManyCodes { count: codes.len() });
    }
    for (n, code) in codes.iter().enumerate() {
        let is_like = |other: &String| without_case(other) == without_case(code);
        if codes[..n].iter().any(is_like) {
            return Err(Refused::RepeatedCode { code: shown(code) });
        }
    }
    let mut new = codes
        .iter()
        .filter(|code| !session.descriptive_codes.contains(code));
    let Some(first) = new.next() else {
        return Ok(());
    };
    let list = list
        .filter(|list| list.is_of(&session.opened.institution_id))
        .ok_or(Refused::BadCodeList)?;
    let unknown = [first].into_iter().chain(new).find(|code| !list.has(code));
    match unknown {
        Some(code) => Err(Refused::UnknownCode { code: shown(code) }),
        None => Ok(()),
    }
}

/// Returns a code as it is told in a refusal: no library has a longer one.
fn shown(code: &str) -> String {
    code.chars().take(CODE_LIMIT).collect()
}

/// Returns whether two sets of codes are the same, in whatever order.
fn is_same(before: &[String], after: &[String]) -> bool {
    before.len() == after.len() && after.iter().all(|code| before.contains(code))
}

#[cfg(test)]
#[path = "descriptive_codes_tests.rs"]
mod tests;
