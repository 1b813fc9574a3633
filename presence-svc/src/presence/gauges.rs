//! Metrics for operators: how the desk is staffed, and how old that knowledge is.

use std::sync::Arc;

use carrel_platform::telemetry::metric::{
    LIBRARIANS, PRESENCE_AGE, QUEUES_STAFFED, QUEUES_UNSTAFFED_WAITING,
};

use super::desk::Desk;
use crate::domain::{presence::Status, queues::QueueState};

impl Desk {
    /// Registers the metrics, which are reported for as long as the desk lives.
    pub(crate) fn show(&self) {
        let desk = Arc::downgrade(&self.0);
        let count = move |wanted: fn(&QueueState) -> bool| {
            let state = Desk(desk.upgrade()?).state();
            Some(state.queues.values().filter(|queue| wanted(queue)).count())
        };
        let counted = count.clone();
        QUEUES_STAFFED.observe(move |tell| {
            if let Some(staffed) = counted(|queue| queue.staffed) {
                tell(staffed as f64, []);
            }
        });
        QUEUES_UNSTAFFED_WAITING.observe(move |tell| {
            if let Some(left) = count(QueueState::lacks_staff) {
                tell(left as f64, []);
            }
        });
        let desk = Arc::downgrade(&self.0);
        LIBRARIANS.observe(move |tell| {
            let Some(state) = desk.upgrade().map(|desk| Desk(desk).state()) else {
                return;
            };
            for status in Status::ALL {
                let people = state.people.values();
                let count = people.filter(|person| person.status == status).count();
                tell(count as f64, [status.word().into()]);
            }
        });
        let desk = Arc::downgrade(&self.0);
        PRESENCE_AGE.observe(move |tell| {
            if let Some(desk) = desk.upgrade() {
                tell(Desk(desk).unconfirmed_for().as_secs_f64(), []);
            }
        });
    }
}
