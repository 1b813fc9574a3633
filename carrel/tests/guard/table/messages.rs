//! `ImService`: messages to Lq, to the staff of the queue of Maple, and to the conversation that Lc began with Lq.

use super::{Service, Table};

pub(super) const TABLE: Table = Table {
    service: Service::Im,
    rows: "
    operation              stage        An    Pt    Px    Lc    Lq    Lx    Ao    Af    Ko    Kf    Aq    Sv

    SendMessage/librarian  -            UA    PD    PD    ok    self  apart ok    apart ok    apart ok    UA
    SendMessage/queue      -            UA    PD    PD    ok    ok    away  ok    away  ok    away  ok    UA
    SendMessage            -            UA    PD    PD    ok    ok    NF    NF    NF    NF    NF    NF    UA

    ListMessages           -            UA    PD    PD    ok    ok    NF    NF    NF    NF    NF    NF    UA
    MarkRead               -            UA    PD    PD    ok    ok    NF    NF    NF    NF    NF    NF    UA
    SendTyping             -            UA    PD    PD    ok    ok    NF    NF    NF    NF    NF    NF    UA
    WatchConversations     -            UA    PD    PD    with  with  w/o   w/o   w/o   w/o   w/o   w/o   UA
",
};
