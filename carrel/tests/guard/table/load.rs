//! `LoadService`: for services only.

use super::{Service, Table};

pub(super) const TABLE: Table = Table {
    service: Service::Load,
    rows: "
    operation              stage        An    Pt    Px    Lc    Lq    Lx    Ao    Af    Ko    Kf    Aq    Sv

    WatchLoad              -            UA    PD    PD    PD    PD    PD    PD    PD    PD    PD    PD    ok
",
};
