//! The authorization matrix: who may call what, at each stage of a session (I22).
//!
//! **Columns.** An: nobody, without a token. Pt: the session's patron. Px: another patron. Lc: the chatting librarian,
//! of another library. Lq: an idle librarian who monitors the queue, of another library. Lx: a librarian without that
//! queue. Ao, Ko: administrator and ask administrator of the patron's library, both with its queue. Af, Kf: the same of
//! a library that has nothing to do with it. Aq: an administrator of another library that staffs the queue, to whom
//! being an administrator adds nothing. Sv: one of Carrel's own services. Its token is not a person's, so it gets
//! UNAUTHENTICATED where a person is required, and a person gets PERMISSION_DENIED where a service is required.
//!
//! All librarians are at the desk and monitor a queue: those of Maple and Harbor that of Maple, those of Cedar theirs.
//!
//! **Stages** of the session. `unopened`: the patron was admitted and has not asked. `waiting`, `active`: as named.
//! `inside`: active, with Ao and Ko in conference mode. `offered`: Lc offers it to Lq. `called`: Lc offers it to the
//! queue. `withdrawn`: Lc offered it to Lq and took that back. `transferred`: Lc offered it to Lq, who accepted.
//! `ended`: by the owner, just now. `later`: ended, and the owner's time to wrap up is over. `-`: the operation is not
//! about a session.
//!
//! **Cells.** `ok`: done. `with`, `w/o`: done, a list that has, or does not have, the item in question. `UA`:
//! UNAUTHENTICATED. `PD`: PERMISSION_DENIED. `NF`: NOT_FOUND, byte for byte as for an id that never existed. `none`:
//! the same for an offer, NO_SUCH_OFFER, whether the offer or the session never existed. `self`: INVALID_ARGUMENT,
//! ONESELF. The others are reasons of a FAILED_PRECONDITION: `out` NOT_INSIDE, `early` NOT_ENDED, `end` ENDED, `idle`
//! NOT_ACTIVE, `own` OWN_SESSION, `lost` ALREADY_PICKED_UP, `open` ALREADY_OPEN, `gone` NO_LONGER_OWNER, `shut`
//! OFFER_CLOSED, `apart` NOT_SHARED, `away` NOT_MONITORING. The last two are also byte for byte as for a librarian or a
//! queue that never existed.
//!
//! An administrator who has not entered a running session can't get, attend or read it: that would be watching without
//! the warning (R1).

use tonic::Code;

use crate::{answer::Answer, case::Step};

mod directory;
mod load;
mod messages;
mod presence;
mod sessions;
mod transfers;

/// The rows of one service.
struct Table {
    service: Service,
    rows: &'static str,
}

const TABLES: [Table; 6] = [
    sessions::TABLE,
    transfers::TABLE,
    load::TABLE,
    directory::TABLE,
    presence::TABLE,
    messages::TABLE,
];

/// A gRPC service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Session,
    Transfer,
    Load,
    Directory,
    Presence,
    Im,
}

impl Service {
    /// Returns its name in the protos.
    fn name(self) -> &'static str {
        match self {
            Self::Session => "carrel.session.v1.SessionService",
            Self::Transfer => "carrel.session.v1.TransferService",
            Self::Load => "carrel.session.v1.LoadService",
            Self::Directory => "carrel.directory.v1.DirectoryService",
            Self::Presence => "carrel.presence.v1.PresenceService",
            Self::Im => "carrel.im.v1.ImService",
        }
    }
}

/// A caller of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    An,
    Pt,
    Px,
    Lc,
    Lq,
    Lx,
    Ao,
    Af,
    Ko,
    Kf,
    Aq,
    Sv,
}

/// The stage of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    None,
    Unopened,
    Waiting,
    Active,
    Inside,
    Offered,
    Called,
    Withdrawn,
    Transferred,
    Ended,
    Later,
}

impl Column {
    pub(crate) const ALL: [Self; 12] = [
        Self::An,
        Self::Pt,
        Self::Px,
        Self::Lc,
        Self::Lq,
        Self::Lx,
        Self::Ao,
        Self::Af,
        Self::Ko,
        Self::Kf,
        Self::Aq,
        Self::Sv,
    ];
}

impl Stage {
    fn from_name(name: &str) -> Self {
        match name {
            "-" => Self::None,
            "unopened" => Self::Unopened,
            "waiting" => Self::Waiting,
            "active" => Self::Active,
            "inside" => Self::Inside,
            "offered" => Self::Offered,
            "called" => Self::Called,
            "withdrawn" => Self::Withdrawn,
            "transferred" => Self::Transferred,
            "ended" => Self::Ended,
            "later" => Self::Later,
            other => panic!("{other} is no stage"),
        }
    }

    /// Returns the steps that bring a session to this stage.
    pub(crate) fn steps(self) -> &'static [Step] {
        match self {
            Self::None | Self::Unopened => &[],
            Self::Waiting => &[Step::Open],
            Self::Active => &[Step::Open, Step::PickUp],
            Self::Inside => &[
                Step::Open,
                Step::PickUp,
                Step::Enter(Column::Ao),
                Step::Enter(Column::Ko),
            ],
            Self::Offered => &[Step::Open, Step::PickUp, Step::Offer],
            Self::Called => &[Step::Open, Step::PickUp, Step::Call],
            Self::Withdrawn => &[Step::Open, Step::PickUp, Step::Offer, Step::Withdraw],
            Self::Transferred => &[Step::Open, Step::PickUp, Step::Offer, Step::Accept],
            Self::Ended | Self::Later => &[Step::Open, Step::PickUp, Step::End],
        }
    }
}

/// A cell of the matrix: a caller tries an operation on a session at a stage.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) service: Service,
    /// The RPC and, after a slash, its form.
    pub(crate) operation: &'static str,
    pub(crate) stage: Stage,
    pub(crate) column: Column,
    pub(crate) expected: &'static str,
}

impl Cell {
    /// Returns the path of the RPC.
    pub(crate) fn path(&self) -> String {
        let (rpc, _) = self
            .operation
            .split_once('/')
            .unwrap_or((self.operation, ""));
        format!("/{}/{rpc}", self.service.name())
    }

    /// Whether the refusal must not tell the caller whether what they name exists.
    pub(crate) fn hides_what_there_is(&self) -> bool {
        ["NF", "none", "apart", "away"].contains(&self.expected)
    }

    /// Whether an answer is the one that the cell expects.
    pub(crate) fn allows(&self, answer: &Answer) -> bool {
        match (self.expected, answer) {
            ("ok", Answer::Done) => true,
            ("with", Answer::List { has_it }) => *has_it,
            ("w/o", Answer::List { has_it }) => !has_it,
            (_, Answer::Refused(said)) => {
                let state = |reason| (Code::FailedPrecondition, reason);
                let expected = match self.expected {
                    "UA" => return said.code == Code::Unauthenticated,
                    "PD" => (Code::PermissionDenied, "ROLE_NOT_ALLOWED"),
                    "self" => (Code::InvalidArgument, "ONESELF"),
                    "NF" => (Code::NotFound, "NOT_FOUND"),
                    "none" => (Code::NotFound, "NO_SUCH_OFFER"),
                    "out" => state("NOT_INSIDE"),
                    "early" => state("NOT_ENDED"),
                    "end" => state("ENDED"),
                    "idle" => state("NOT_ACTIVE"),
                    "own" => state("OWN_SESSION"),
                    "lost" => state("ALREADY_PICKED_UP"),
                    "open" => state("ALREADY_OPEN"),
                    "gone" => state("NO_LONGER_OWNER"),
                    "shut" => state("OFFER_CLOSED"),
                    "apart" => state("NOT_SHARED"),
                    "away" => state("NOT_MONITORING"),
                    _ => return false,
                };
                expected == (said.code, said.reason.as_str())
            }
            _ => false,
        }
    }
}

/// Returns all cells.
pub(crate) fn cells() -> Vec<Cell> {
    TABLES.iter().flat_map(Table::cells).collect()
}

impl Table {
    fn cells(&self) -> Vec<Cell> {
        let mut rows = self.rows.lines().filter(|line| !line.trim().is_empty());
        let head: Vec<_> = rows.next().unwrap().split_whitespace().collect();
        let names: Vec<_> = Column::ALL.iter().map(|c| format!("{c:?}")).collect();
        assert_eq!(head[2..], names);
        rows.flat_map(|row| {
            let fields: Vec<&'static str> = row.split_whitespace().collect();
            assert_eq!(fields.len(), head.len(), "{row}");
            let stage = Stage::from_name(fields[1]);
            let cell = |(column, &expected)| Cell {
                service: self.service,
                operation: fields[0],
                stage,
                column,
                expected,
            };
            let columns = Column::ALL.into_iter().zip(&fields[2..]);
            columns.map(cell).collect::<Vec<_>>()
        })
        .collect()
    }
}
