//! The desk, and the desk with many more sessions and the same total message rate. Played on an empty log and on one
//! that has been in use for years.

use std::time::Instant;

use carrel_proto::session::v1::{
    ListEndedSessionsRequest, session_service_client::SessionServiceClient,
};

use super::{Size, add, desk::Desk, rest};
use crate::{client::call, cost, figures::Figures, room::log_in, server::Server};

/// By how much the number of sessions is multiplied.
const TIMES: u32 = 10;
/// The prefix of figures with that many sessions.
pub(crate) const MANY_SESSIONS: &str = "10 times the sessions";
/// How many pages of ended sessions a librarian looks at.
const PAGES: u32 = 20;

pub(super) async fn play(server: &Server, size: Size) -> anyhow::Result<Figures> {
    let mut figures = Figures::new();
    if let Some(ready) = server.ready_after {
        figures.insert("ready after s".to_owned(), ready.as_secs_f64());
    }
    rest(size).await;
    let memory = cost::of_servers()?.memory as f64 / 1024.0 / 1024.0;
    figures.insert("MiB with nobody".to_owned(), memory);
    let page = leaf_through(server).await?;
    figures.insert("a page of ended sessions ms".to_owned(), page);
    let desk = Desk::of(size);
    let crowd = desk.gather(server).await?;
    figures.extend(desk.talk(&crowd).await?);
    drop(crowd);
    let desk = desk.spread(size.pick(TIMES, TIMES, 2));
    let crowd = desk.gather(server).await?;
    add(&mut figures, MANY_SESSIONS, desk.talk(&crowd).await?);
    Ok(figures)
}

/// Reads some pages of the list of ended sessions. Returns how long one page takes, in milliseconds.
async fn leaf_through(server: &Server) -> anyhow::Result<f64> {
    let staff = log_in(server, 1).await?;
    let mut sessions = SessionServiceClient::new(server.channel(0)?);
    let mut page_token = String::new();
    let mut pages = 0;
    let began = Instant::now();
    while pages < PAGES {
        let request = ListEndedSessionsRequest {
            page_token,
            ..ListEndedSessionsRequest::default()
        };
        let token = staff.first().map_or("", |one| &one.token);
        let page = sessions.list_ended_sessions(call(token, request)?).await?;
        page_token = page.into_inner().next_page_token;
        pages += 1;
        if page_token.is_empty() {
            break;
        }
    }
    Ok(began.elapsed().as_secs_f64() * 1e3 / f64::from(pages))
}
