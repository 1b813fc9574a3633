//! `DirectoryService`.

use super::{Service, Table};

pub(super) const TABLE: Table = Table {
    service: Service::Directory,
    rows: "
    operation              stage        An    Pt    Px    Lc    Lq    Lx    Ao    Af    Ko    Kf    Aq    Sv

    GetLibrary             -            ok    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok
    ListLibraries          -            ok    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok
    AdmitPatron            -            ok    ok    ok    PD    PD    PD    PD    PD    PD    PD    PD    UA
    LogIn                  -            ok    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok
    RenewToken             -            UA    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok    UA
    GetProfile             -            UA    PD    PD    ok    ok    ok    ok    ok    ok    ok    ok    UA
    ListRoleChanges        -            UA    PD    PD    PD    PD    PD    ok    ok    PD    PD    ok    UA
",
};
