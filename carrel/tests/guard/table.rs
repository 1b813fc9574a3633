//! The authorization matrix of reliability.md, section 5, for all that there is in this release.
//!
//! **Columns.** An: nobody, without a token. Pt: the session's patron. Px: another patron. Lc: the chatting librarian,
//! of another library. Lq: an idle librarian who monitors the queue, of another library. Lx: a librarian without that
//! queue. Ao, Ko: administrator and ask administrator of the patron's library, both with its queue. Af, Kf: the same of
//! a library that has nothing to do with it. Aq: an administrator of another library that staffs the queue, to whom
//! being an administrator adds nothing. There is no column Sv: no service has an identity of its own yet.
//!
//! **Stages** of the session. `unopened`: the patron was let in and has not asked. `waiting`, `active`: as named.
//! `inside`: active, with Ao and Ko in conference mode. `ended`: by the owner, just now. `later`: ended, and the
//! owner's time to wrap up is over. `-`: it is not about a session.
//!
//! **Cells.** `ok`: done. `with`, `w/o`: done, a list in which the session stands or does not. `UA`: UNAUTHENTICATED.
//! `PD`: PERMISSION_DENIED. `NF`: NOT_FOUND, byte for byte as for an id that never was. In lower case the reasons of a
//! FAILED_PRECONDITION: `out` NOT_INSIDE, `end` ENDED, `idle` NOT_ACTIVE, `own` OWN_SESSION, `lost` ALREADY_PICKED_UP,
//! `open` ALREADY_OPEN.
//!
//! A running session may not be looked at, attended or read by an administrator who is outside: watching without the
//! warning would go round R1.

use tonic::Code;

use crate::{
    answer::Answer,
    house::{Case, Step},
};

const TABLE: &str = "
    operation             stage       An    Pt    Px    Lc    Lq    Lx    Ao    Af    Ko    Kf    Aq

    OpenSession           unopened    UA    ok    ok    PD    PD    PD    PD    PD    PD    PD    PD
    OpenSession           waiting     UA    open  ok    PD    PD    PD    PD    PD    PD    PD    PD
    OpenSession           active      UA    open  ok    PD    PD    PD    PD    PD    PD    PD    PD
    OpenSession           ended       UA    open  ok    PD    PD    PD    PD    PD    PD    PD    PD

    GetSession            unopened    UA    NF    NF    NF    NF    NF    NF    NF    NF    NF    NF
    GetSession            waiting     UA    ok    NF    NF    NF    NF    out   NF    out   NF    NF
    GetSession            active      UA    ok    NF    ok    NF    NF    out   NF    out   NF    NF
    GetSession            inside      UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF
    GetSession            ended       UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF
    GetSession            later       UA    ok    NF    NF    NF    NF    ok    NF    ok    NF    NF

    PickUpSession         unopened    UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF
    PickUpSession         waiting     UA    PD    PD    ok    ok    NF    ok    NF    ok    NF    ok
    PickUpSession         active      UA    PD    PD    ok    lost  NF    lost  NF    lost  NF    lost
    PickUpSession         inside      UA    PD    PD    ok    lost  NF    lost  NF    lost  NF    lost
    PickUpSession         ended       UA    PD    PD    end   end   NF    end   NF    end   NF    end

    PostMessage           unopened    UA    NF    NF    NF    NF    NF    NF    NF    NF    NF    NF
    PostMessage           waiting     UA    ok    NF    NF    NF    NF    out   NF    out   NF    NF
    PostMessage           active      UA    ok    NF    ok    NF    NF    out   NF    out   NF    NF
    PostMessage           inside      UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF
    PostMessage           ended       UA    end   NF    end   NF    NF    end   NF    end   NF    NF
    PostMessage           later       UA    end   NF    NF    NF    NF    end   NF    end   NF    NF

    PushPage              unopened    UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF
    PushPage              waiting     UA    PD    PD    NF    NF    NF    out   NF    out   NF    NF
    PushPage              active      UA    PD    PD    ok    NF    NF    out   NF    out   NF    NF
    PushPage              inside      UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF
    PushPage              ended       UA    PD    PD    end   NF    NF    end   NF    end   NF    NF
    PushPage              later       UA    PD    PD    NF    NF    NF    end   NF    end   NF    NF

    WriteNote             unopened    UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF
    WriteNote             waiting     UA    PD    PD    NF    NF    NF    out   NF    out   NF    NF
    WriteNote             active      UA    PD    PD    ok    NF    NF    out   NF    out   NF    NF
    WriteNote             inside      UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF
    WriteNote             ended       UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF
    WriteNote             later       UA    PD    PD    NF    NF    NF    ok    NF    ok    NF    NF

    EnterConference       unopened    UA    PD    PD    PD    PD    PD    NF    NF    NF    NF    NF
    EnterConference       waiting     UA    PD    PD    PD    PD    PD    idle  NF    idle  NF    NF
    EnterConference       active      UA    PD    PD    PD    PD    PD    ok    NF    ok    NF    NF
    EnterConference       inside      UA    PD    PD    PD    PD    PD    ok    NF    ok    NF    NF
    EnterConference       ended       UA    PD    PD    PD    PD    PD    end   NF    end   NF    NF
    EnterConference       later       UA    PD    PD    PD    PD    PD    end   NF    end   NF    NF

    LeaveConference       unopened    UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF
    LeaveConference       waiting     UA    PD    PD    NF    NF    NF    ok    NF    ok    NF    NF
    LeaveConference       active      UA    PD    PD    out   NF    NF    ok    NF    ok    NF    NF
    LeaveConference       inside      UA    PD    PD    out   NF    NF    ok    NF    ok    NF    NF
    LeaveConference       ended       UA    PD    PD    out   NF    NF    ok    NF    ok    NF    NF
    LeaveConference       later       UA    PD    PD    NF    NF    NF    ok    NF    ok    NF    NF

    EndSession            unopened    UA    NF    NF    NF    NF    NF    PD    PD    PD    PD    PD
    EndSession            waiting     UA    ok    NF    NF    NF    NF    PD    PD    PD    PD    PD
    EndSession            active      UA    ok    NF    ok    NF    NF    PD    PD    PD    PD    PD
    EndSession            inside      UA    ok    NF    ok    NF    NF    PD    PD    PD    PD    PD
    EndSession            ended       UA    end   NF    end   NF    NF    PD    PD    PD    PD    PD
    EndSession            later       UA    end   NF    NF    NF    NF    PD    PD    PD    PD    PD

    GetTranscript         unopened    UA    NF    NF    NF    NF    NF    NF    NF    NF    NF    NF
    GetTranscript         waiting     UA    ok    NF    NF    NF    NF    out   NF    out   NF    NF
    GetTranscript         active      UA    ok    NF    ok    NF    NF    out   NF    out   NF    NF
    GetTranscript         inside      UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF
    GetTranscript         ended       UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF
    GetTranscript         later       UA    ok    NF    NF    NF    NF    ok    NF    ok    NF    NF
    GetTranscript/patron  active      UA    ok    NF    ok    NF    NF    out   NF    out   NF    NF
    GetTranscript/patron  inside      UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF
    GetTranscript/patron  ended       UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF
    GetTranscript/staff   unopened    UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF
    GetTranscript/staff   active      UA    PD    PD    ok    NF    NF    out   NF    out   NF    NF
    GetTranscript/staff   inside      UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF
    GetTranscript/staff   ended       UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF

    Attend                unopened    UA    NF    NF    NF    NF    NF    NF    NF    NF    NF    NF
    Attend                waiting     UA    ok    NF    NF    NF    NF    out   NF    out   NF    NF
    Attend                active      UA    ok    NF    ok    NF    NF    out   NF    out   NF    NF
    Attend                inside      UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF
    Attend                ended       UA    ok    NF    ok    NF    NF    end   NF    end   NF    NF
    Attend                later       UA    ok    NF    NF    NF    NF    end   NF    end   NF    NF
    Attend/patron         active      UA    ok    NF    ok    NF    NF    out   NF    out   NF    NF
    Attend/patron         inside      UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF
    Attend/staff          unopened    UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF
    Attend/staff          active      UA    PD    PD    ok    NF    NF    out   NF    out   NF    NF
    Attend/staff          inside      UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF

    WatchSessions/queue   waiting     UA    PD    PD    with  with  NF    with  NF    with  NF    with
    WatchSessions/queue   active      UA    PD    PD    with  w/o   NF    w/o   NF    w/o   NF    w/o
    WatchSessions/queue   ended       UA    PD    PD    w/o   w/o   NF    w/o   NF    w/o   NF    w/o
    WatchSessions/mine    active      UA    PD    PD    with  w/o   w/o   w/o   w/o   w/o   w/o   w/o
    WatchSessions/all     waiting     UA    PD    PD    PD    PD    PD    w/o   w/o   w/o   w/o   w/o
    WatchSessions/all     active      UA    PD    PD    PD    PD    PD    with  w/o   with  w/o   w/o
    WatchSessions/all     inside      UA    PD    PD    PD    PD    PD    with  w/o   with  w/o   w/o
    WatchSessions/all     ended       UA    PD    PD    PD    PD    PD    w/o   w/o   w/o   w/o   w/o

    ListEndedSessions     active      UA    PD    PD    PD    PD    PD    w/o   w/o   w/o   w/o   w/o
    ListEndedSessions     ended       UA    PD    PD    PD    PD    PD    with  w/o   with  w/o   w/o
    ListAuditEntries      active      UA    PD    PD    PD    PD    PD    w/o   w/o   w/o   w/o   w/o
    ListAuditEntries      inside      UA    PD    PD    PD    PD    PD    with  w/o   with  w/o   w/o

    GetLibrary            -           ok    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok
    ListLibraries         -           ok    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok
    AdmitPatron           -           ok    ok    ok    PD    PD    PD    PD    PD    PD    PD    PD
    LogIn                 -           ok    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok
    RenewToken            -           UA    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok
    GetProfile            -           UA    PD    PD    ok    ok    ok    ok    ok    ok    ok    ok
";

/// Somebody of the matrix.
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
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    None,
    Unopened,
    Waiting,
    Active,
    Inside,
    Ended,
    Later,
}

impl Column {
    pub(crate) const ALL: [Self; 11] = [
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
            "ended" => Self::Ended,
            "later" => Self::Later,
            other => panic!("{other} is no stage"),
        }
    }

    /// What brings a session there.
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
            Self::Ended | Self::Later => &[Step::Open, Step::PickUp, Step::End],
        }
    }
}

/// One cell: somebody tries an operation on a session at a stage.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    /// The RPC and, after a stroke, the form of it.
    pub(crate) operation: &'static str,
    pub(crate) stage: Stage,
    pub(crate) column: Column,
    pub(crate) expected: &'static str,
}

impl Cell {
    /// The name of the RPC.
    pub(crate) fn rpc(&self) -> &'static str {
        self.operation
            .split_once('/')
            .map_or(self.operation, |(rpc, _)| rpc)
    }

    /// Whether an answer is what the cell says.
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
                    "NF" => (Code::NotFound, "NOT_FOUND"),
                    "out" => state("NOT_INSIDE"),
                    "end" => state("ENDED"),
                    "idle" => state("NOT_ACTIVE"),
                    "own" => state("OWN_SESSION"),
                    "lost" => state("ALREADY_PICKED_UP"),
                    "open" => state("ALREADY_OPEN"),
                    _ => return false,
                };
                expected == (said.code, said.reason.as_str())
            }
            _ => false,
        }
    }
}

/// All cells.
pub(crate) fn cells() -> Vec<Cell> {
    let mut rows = TABLE.lines().filter(|line| !line.trim().is_empty());
    let head: Vec<_> = rows.next().unwrap().split_whitespace().collect();
    let names: Vec<_> = Column::ALL.iter().map(|c| format!("{c:?}")).collect();
    assert_eq!(head[2..], names);
    rows.flat_map(|row| {
        let fields: Vec<&'static str> = row.split_whitespace().collect();
        assert_eq!(fields.len(), head.len(), "{row}");
        let stage = Stage::from_name(fields[1]);
        let cell = move |(column, expected)| Cell {
            operation: fields[0],
            stage,
            column,
            expected,
        };
        let expected = row.split_whitespace().skip(2);
        Column::ALL
            .into_iter()
            .zip(expected)
            .map(cell)
            .collect::<Vec<_>>()
    })
    .collect()
}

/// What a session's owner needs besides: a cell that asks for the same case with another session id.
pub(crate) fn elsewhere(case: &Case, session_id: String) -> Case {
    Case {
        session_id,
        ..case.clone()
    }
}
