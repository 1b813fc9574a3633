//! Reading and exporting a transcript: who may, and what the audit records of it (R21).

use super::{
    access::{Purpose, Relation, Situation, may_see},
    audience::Audience,
    audit::{AuditAct, AuditFact},
    decide::audit_fact,
    people::Actor,
    refused::Refused,
};

/// What somebody uses a transcript for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TranscriptUse {
    /// To read it in Carrel, or to keep it as its patron.
    Reading,
    /// To keep it outside of Carrel, as staff.
    Export,
}

/// A transcript that somebody may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The audience in whose view they get it.
    pub audience: Audience,
    /// What must be in the audit before they get it, if anything.
    pub fact: Option<AuditFact>,
}

/// Checks what depends on no session: whether somebody in this role can ever have such a transcript.
///
/// # Errors
/// [`Refused::NotAllowed`] to patrons who want to export, or to see what is for staff.
pub fn may_ever_have(
    actor: &Actor,
    requested: Option<Audience>,
    used_for: TranscriptUse,
) -> Result<(), Refused> {
    let for_staff = used_for == TranscriptUse::Export || requested == Some(Audience::Staff);
    match actor {
        Actor::Patron(_) if for_staff => Err(Refused::NotAllowed),
        Actor::Patron(_) | Actor::Librarian(_) => Ok(()),
    }
}

/// Grants the transcript in the view that is asked for, or in the widest that the actor has a right to.
///
/// An export is audited whoever makes it; reading only if it is done by somebody who is neither the owner nor inside.
/// An export is read as well, so its one entry stands for both.
///
/// # Errors
/// The refusal of the first check that fails, in the order of [`super::access`].
pub fn grant(
    situation: &Situation<'_>,
    actor: &Actor,
    requested: Option<Audience>,
    used_for: TranscriptUse,
) -> Result<Granted, Refused> {
    may_ever_have(actor, requested, used_for)?;
    let audience = may_see(situation, actor, requested, Purpose::Transcript)?;
    let act = match (used_for, situation.relation(actor)) {
        (TranscriptUse::Export, _) => Some(AuditAct::TranscriptExported),
        (TranscriptUse::Reading, Some(Relation::Reviewer)) => Some(AuditAct::TranscriptRead),
        (TranscriptUse::Reading, _) => None,
    };
    let detail = match audience {
        Audience::Patron => "PATRON",
        Audience::Staff => "STAFF",
    };
    let fact = act
        .zip(actor.librarian())
        .map(|(act, librarian)| audit_fact(situation, act, &librarian.member, detail));
    Ok(Granted { audience, fact })
}
