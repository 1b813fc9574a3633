//! `PresenceService`: whether Lq is shown, who monitors the queue of Maple, as Lc, Ao, Ko and Aq do.

use super::{Service, Table};

pub(super) const TABLE: Table = Table {
    service: Service::Presence,
    rows: "
    operation              stage        An    Pt    Px    Lc    Lq    Lx    Ao    Af    Ko    Kf    Aq    Sv

    Announce               -            UA    PD    PD    ok    ok    ok    ok    ok    ok    ok    ok    UA
    Announce/queue         -            UA    PD    PD    ok    ok    NF    ok    NF    ok    NF    ok    UA

    WatchDesk              -            UA    PD    PD    with  w/o   w/o   with  w/o   with  w/o   with  UA
    GetLibrarian           -            UA    PD    PD    ok    NF    NF    ok    NF    ok    NF    ok    UA
    GetOwnPresence         -            UA    PD    PD    ok    ok    ok    ok    ok    ok    ok    ok    UA
    GetAvailability        -            ok    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok
",
};
