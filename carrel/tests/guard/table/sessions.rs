//! `SessionService`.

use super::{Service, Table};

pub(super) const TABLE: Table = Table {
    service: Service::Session,
    rows: "
    operation              stage        An    Pt    Px    Lc    Lq    Lx    Ao    Af    Ko    Kf    Aq    Sv

    OpenSession            unopened     UA    ok    ok    PD    PD    PD    PD    PD    PD    PD    PD    UA
    OpenSession            waiting      UA    open  ok    PD    PD    PD    PD    PD    PD    PD    PD    UA
    OpenSession            active       UA    open  ok    PD    PD    PD    PD    PD    PD    PD    PD    UA
    OpenSession            ended        UA    open  ok    PD    PD    PD    PD    PD    PD    PD    PD    UA

    GetSession             unopened     UA    NF    NF    NF    NF    NF    NF    NF    NF    NF    NF    UA
    GetSession             waiting      UA    ok    NF    NF    NF    NF    out   NF    out   NF    NF    UA
    GetSession             active       UA    ok    NF    ok    NF    NF    out   NF    out   NF    NF    UA
    GetSession             inside       UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF    UA
    GetSession             transferred  UA    ok    NF    gone  ok    NF    out   NF    out   NF    NF    UA
    GetSession             ended        UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF    UA
    GetSession             later        UA    ok    NF    NF    NF    NF    ok    NF    ok    NF    NF    UA

    PickUpSession          unopened     UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF    UA
    PickUpSession          waiting      UA    PD    PD    ok    ok    NF    ok    NF    ok    NF    ok    UA
    PickUpSession          active       UA    PD    PD    ok    lost  NF    lost  NF    lost  NF    lost  UA
    PickUpSession          inside       UA    PD    PD    ok    lost  NF    lost  NF    lost  NF    lost  UA
    PickUpSession          transferred  UA    PD    PD    lost  ok    NF    lost  NF    lost  NF    lost  UA
    PickUpSession          ended        UA    PD    PD    end   end   NF    end   NF    end   NF    end   UA

    PostMessage            unopened     UA    NF    NF    NF    NF    NF    NF    NF    NF    NF    NF    UA
    PostMessage            waiting      UA    ok    NF    NF    NF    NF    out   NF    out   NF    NF    UA
    PostMessage            active       UA    ok    NF    ok    NF    NF    out   NF    out   NF    NF    UA
    PostMessage            inside       UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF    UA
    PostMessage            transferred  UA    ok    NF    gone  ok    NF    out   NF    out   NF    NF    UA
    PostMessage            ended        UA    end   NF    end   NF    NF    end   NF    end   NF    NF    UA
    PostMessage            later        UA    end   NF    NF    NF    NF    end   NF    end   NF    NF    UA

    PushPage               unopened     UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF    UA
    PushPage               waiting      UA    PD    PD    NF    NF    NF    out   NF    out   NF    NF    UA
    PushPage               active       UA    PD    PD    ok    NF    NF    out   NF    out   NF    NF    UA
    PushPage               inside       UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF    UA
    PushPage               transferred  UA    PD    PD    gone  ok    NF    out   NF    out   NF    NF    UA
    PushPage               ended        UA    PD    PD    end   NF    NF    end   NF    end   NF    NF    UA
    PushPage               later        UA    PD    PD    NF    NF    NF    end   NF    end   NF    NF    UA

    WriteNote              unopened     UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF    UA
    WriteNote              waiting      UA    PD    PD    NF    NF    NF    out   NF    out   NF    NF    UA
    WriteNote              active       UA    PD    PD    ok    NF    NF    out   NF    out   NF    NF    UA
    WriteNote              inside       UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF    UA
    WriteNote              transferred  UA    PD    PD    gone  ok    NF    out   NF    out   NF    NF    UA
    WriteNote              ended        UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF    UA
    WriteNote              later        UA    PD    PD    NF    NF    NF    ok    NF    ok    NF    NF    UA

    EnterConference        unopened     UA    PD    PD    PD    PD    PD    NF    NF    NF    NF    NF    UA
    EnterConference        waiting      UA    PD    PD    PD    PD    PD    idle  NF    idle  NF    NF    UA
    EnterConference        active       UA    PD    PD    PD    PD    PD    ok    NF    ok    NF    NF    UA
    EnterConference        inside       UA    PD    PD    PD    PD    PD    ok    NF    ok    NF    NF    UA
    EnterConference        ended        UA    PD    PD    PD    PD    PD    end   NF    end   NF    NF    UA
    EnterConference        later        UA    PD    PD    PD    PD    PD    end   NF    end   NF    NF    UA

    LeaveConference        unopened     UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF    UA
    LeaveConference        waiting      UA    PD    PD    NF    NF    NF    ok    NF    ok    NF    NF    UA
    LeaveConference        active       UA    PD    PD    out   NF    NF    ok    NF    ok    NF    NF    UA
    LeaveConference        inside       UA    PD    PD    out   NF    NF    ok    NF    ok    NF    NF    UA
    LeaveConference        ended        UA    PD    PD    out   NF    NF    ok    NF    ok    NF    NF    UA
    LeaveConference        later        UA    PD    PD    NF    NF    NF    ok    NF    ok    NF    NF    UA

    EndSession             unopened     UA    NF    NF    NF    NF    NF    PD    PD    PD    PD    PD    UA
    EndSession             waiting      UA    ok    NF    NF    NF    NF    PD    PD    PD    PD    PD    UA
    EndSession             active       UA    ok    NF    ok    NF    NF    PD    PD    PD    PD    PD    UA
    EndSession             inside       UA    ok    NF    ok    NF    NF    PD    PD    PD    PD    PD    UA
    EndSession             transferred  UA    ok    NF    gone  ok    NF    PD    PD    PD    PD    PD    UA
    EndSession             ended        UA    end   NF    end   NF    NF    PD    PD    PD    PD    PD    UA
    EndSession             later        UA    end   NF    NF    NF    NF    PD    PD    PD    PD    PD    UA

    SetResolution          unopened     UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF    UA
    SetResolution          waiting      UA    PD    PD    NF    NF    NF    early NF    early NF    NF    UA
    SetResolution          active       UA    PD    PD    early NF    NF    early NF    early NF    NF    UA
    SetResolution          inside       UA    PD    PD    early NF    NF    early NF    early NF    NF    UA
    SetResolution          transferred  UA    PD    PD    gone  early NF    early NF    early NF    NF    UA
    SetResolution          ended        UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF    UA
    SetResolution          later        UA    PD    PD    NF    NF    NF    ok    NF    ok    NF    NF    UA

    SetDescriptiveCodes    unopened     UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF    UA
    SetDescriptiveCodes    waiting      UA    PD    PD    NF    NF    NF    early NF    early NF    NF    UA
    SetDescriptiveCodes    active       UA    PD    PD    early NF    NF    early NF    early NF    NF    UA
    SetDescriptiveCodes    inside       UA    PD    PD    early NF    NF    early NF    early NF    NF    UA
    SetDescriptiveCodes    transferred  UA    PD    PD    gone  early NF    early NF    early NF    NF    UA
    SetDescriptiveCodes    ended        UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF    UA
    SetDescriptiveCodes    later        UA    PD    PD    NF    NF    NF    ok    NF    ok    NF    NF    UA
    EraseSession           unopened     UA    PD    PD    PD    PD    PD    NF    NF    PD    PD    NF    UA
    EraseSession           waiting      UA    PD    PD    PD    PD    PD    early NF    PD    PD    NF    UA
    EraseSession           active       UA    PD    PD    PD    PD    PD    early NF    PD    PD    NF    UA
    EraseSession           inside       UA    PD    PD    PD    PD    PD    early NF    PD    PD    NF    UA
    EraseSession           ended        UA    PD    PD    PD    PD    PD    ok    NF    PD    PD    NF    UA
    EraseSession           later        UA    PD    PD    PD    PD    PD    ok    NF    PD    PD    NF    UA

    GetTranscript          unopened     UA    NF    NF    NF    NF    NF    NF    NF    NF    NF    NF    UA
    GetTranscript          waiting      UA    ok    NF    NF    NF    NF    out   NF    out   NF    NF    UA
    GetTranscript          active       UA    ok    NF    ok    NF    NF    out   NF    out   NF    NF    UA
    GetTranscript          inside       UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF    UA
    GetTranscript          transferred  UA    ok    NF    gone  ok    NF    out   NF    out   NF    NF    UA
    GetTranscript          ended        UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF    UA
    GetTranscript          later        UA    ok    NF    NF    NF    NF    ok    NF    ok    NF    NF    UA
    GetTranscript/patron   active       UA    ok    NF    ok    NF    NF    out   NF    out   NF    NF    UA
    GetTranscript/patron   inside       UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF    UA
    GetTranscript/patron   ended        UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF    UA
    GetTranscript/staff    unopened     UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF    UA
    GetTranscript/staff    active       UA    PD    PD    ok    NF    NF    out   NF    out   NF    NF    UA
    GetTranscript/staff    inside       UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF    UA
    GetTranscript/staff    ended        UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF    UA

    ExportTranscript       unopened     UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF    UA
    ExportTranscript       waiting      UA    PD    PD    NF    NF    NF    out   NF    out   NF    NF    UA
    ExportTranscript       active       UA    PD    PD    ok    NF    NF    out   NF    out   NF    NF    UA
    ExportTranscript       inside       UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF    UA
    ExportTranscript       transferred  UA    PD    PD    gone  ok    NF    out   NF    out   NF    NF    UA
    ExportTranscript       ended        UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF    UA
    ExportTranscript       later        UA    PD    PD    NF    NF    NF    ok    NF    ok    NF    NF    UA
    ExportTranscript/patron active      UA    PD    PD    ok    NF    NF    out   NF    out   NF    NF    UA
    ExportTranscript/patron inside      UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF    UA
    ExportTranscript/patron ended       UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF    UA
    ExportTranscript/staff unopened     UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF    UA
    ExportTranscript/staff active       UA    PD    PD    ok    NF    NF    out   NF    out   NF    NF    UA
    ExportTranscript/staff inside       UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF    UA
    ExportTranscript/staff ended        UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF    UA

    Attend                 unopened     UA    NF    NF    NF    NF    NF    NF    NF    NF    NF    NF    UA
    Attend                 waiting      UA    ok    NF    NF    NF    NF    out   NF    out   NF    NF    UA
    Attend                 active       UA    ok    NF    ok    NF    NF    out   NF    out   NF    NF    UA
    Attend                 inside       UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF    UA
    Attend                 transferred  UA    ok    NF    gone  ok    NF    out   NF    out   NF    NF    UA
    Attend                 ended        UA    ok    NF    ok    NF    NF    end   NF    end   NF    NF    UA
    Attend                 later        UA    ok    NF    NF    NF    NF    end   NF    end   NF    NF    UA
    Attend/patron          active       UA    ok    NF    ok    NF    NF    out   NF    out   NF    NF    UA
    Attend/patron          inside       UA    ok    NF    ok    NF    NF    ok    NF    ok    NF    NF    UA
    Attend/staff           unopened     UA    PD    PD    NF    NF    NF    NF    NF    NF    NF    NF    UA
    Attend/staff           active       UA    PD    PD    ok    NF    NF    out   NF    out   NF    NF    UA
    Attend/staff           inside       UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    NF    UA

    WatchSessions/queue    waiting      UA    PD    PD    with  with  NF    with  NF    with  NF    with  UA
    WatchSessions/queue    active       UA    PD    PD    with  w/o   NF    w/o   NF    w/o   NF    w/o   UA
    WatchSessions/queue    ended        UA    PD    PD    w/o   w/o   NF    w/o   NF    w/o   NF    w/o   UA
    WatchSessions/mine     active       UA    PD    PD    with  w/o   w/o   w/o   w/o   w/o   w/o   w/o   UA
    WatchSessions/mine     offered      UA    PD    PD    with  with  w/o   w/o   w/o   w/o   w/o   w/o   UA
    WatchSessions/mine     called       UA    PD    PD    with  w/o   w/o   w/o   w/o   w/o   w/o   w/o   UA
    WatchSessions/queue    offered      UA    PD    PD    with  with  NF    w/o   NF    w/o   NF    w/o   UA
    WatchSessions/queue    called       UA    PD    PD    with  with  NF    with  NF    with  NF    with  UA
    WatchSessions/all      waiting      UA    PD    PD    PD    PD    PD    w/o   w/o   w/o   w/o   w/o   UA
    WatchSessions/all      active       UA    PD    PD    PD    PD    PD    with  w/o   with  w/o   w/o   UA
    WatchSessions/all      inside       UA    PD    PD    PD    PD    PD    with  w/o   with  w/o   w/o   UA
    WatchSessions/all      ended        UA    PD    PD    PD    PD    PD    w/o   w/o   w/o   w/o   w/o   UA

    ListEndedSessions      active       UA    PD    PD    w/o   w/o   w/o   w/o   w/o   w/o   w/o   w/o   UA
    ListEndedSessions      ended        UA    PD    PD    w/o   w/o   w/o   with  w/o   with  w/o   w/o   UA
    ListAuditEntries       active       UA    PD    PD    PD    PD    PD    w/o   w/o   w/o   w/o   w/o   UA
    ListAuditEntries       inside       UA    PD    PD    PD    PD    PD    with  w/o   with  w/o   w/o   UA
",
};
