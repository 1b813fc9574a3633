//! `TransferService`: offers are made by Lc, to Lq or to the queue.

use super::{Service, Table};

pub(super) const TABLE: Table = Table {
    service: Service::Transfer,
    rows: "
    operation              stage        An    Pt    Px    Lc    Lq    Lx    Ao    Af    Ko    Kf    Aq    Sv

    OfferTransfer          unopened     UA    PD    PD    NF    NF    NF    PD    PD    PD    PD    PD    UA
    OfferTransfer          waiting      UA    PD    PD    NF    NF    NF    PD    PD    PD    PD    PD    UA
    OfferTransfer          active       UA    PD    PD    ok    NF    NF    PD    PD    PD    PD    PD    UA
    OfferTransfer          inside       UA    PD    PD    ok    NF    NF    PD    PD    PD    PD    PD    UA
    OfferTransfer          offered      UA    PD    PD    ok    NF    NF    PD    PD    PD    PD    PD    UA
    OfferTransfer          transferred  UA    PD    PD    gone  self  NF    PD    PD    PD    PD    PD    UA
    OfferTransfer          ended        UA    PD    PD    end   NF    NF    PD    PD    PD    PD    PD    UA
    OfferTransfer          later        UA    PD    PD    NF    NF    NF    PD    PD    PD    PD    PD    UA
    OfferTransfer/queue    active       UA    PD    PD    ok    NF    NF    PD    PD    PD    PD    PD    UA
    OfferTransfer/queue    transferred  UA    PD    PD    gone  ok    NF    PD    PD    PD    PD    PD    UA

    AcceptTransfer         active       UA    PD    PD    none  none  none  none  none  none  none  none  UA
    AcceptTransfer         offered      UA    PD    PD    none  ok    none  none  none  none  none  none  UA
    AcceptTransfer         called       UA    PD    PD    own   ok    none  ok    none  ok    none  ok    UA
    AcceptTransfer         withdrawn    UA    PD    PD    none  shut  none  none  none  none  none  none  UA
    AcceptTransfer         transferred  UA    PD    PD    none  ok    none  none  none  none  none  none  UA

    DeclineTransfer        active       UA    PD    PD    none  none  none  none  none  none  none  none  UA
    DeclineTransfer        offered      UA    PD    PD    none  ok    none  none  none  none  none  none  UA
    DeclineTransfer        called       UA    PD    PD    none  none  none  none  none  none  none  none  UA
    DeclineTransfer        withdrawn    UA    PD    PD    none  shut  none  none  none  none  none  none  UA
    DeclineTransfer        transferred  UA    PD    PD    none  shut  none  none  none  none  none  none  UA

    WithdrawTransfer       active       UA    PD    PD    none  none  none  PD    PD    PD    PD    PD    UA
    WithdrawTransfer       offered      UA    PD    PD    ok    none  none  PD    PD    PD    PD    PD    UA
    WithdrawTransfer       called       UA    PD    PD    ok    none  none  PD    PD    PD    PD    PD    UA
    WithdrawTransfer       withdrawn    UA    PD    PD    shut  none  none  PD    PD    PD    PD    PD    UA
    WithdrawTransfer       transferred  UA    PD    PD    gone  shut  none  PD    PD    PD    PD    PD    UA
",
};
