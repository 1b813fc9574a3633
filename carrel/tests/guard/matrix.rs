//! Carries out every cell of the authorization matrix against a running Carrel (I22, I24).

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt as _, stream};
use prost::Message as _;
use prost_types::FileDescriptorSet;

use crate::{
    answer::Answer,
    browser,
    case::Case,
    fixture::Fixture,
    grpc,
    table::{Cell, Column, Stage, cells},
};

/// How many cells are tried at once.
const AT_ONCE: usize = 16;

/// How an operation is requested.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// By a separate call.
    Call,
    /// By an act on an Attend stream.
    Act,
    /// By a frame or an HTTP request to the gateway.
    Browser,
}

impl Way {
    async fn try_it(
        self,
        fixture: &Fixture,
        cell: &Cell,
        token: &str,
        case: &Case,
    ) -> Option<Answer> {
        match self {
            Self::Call => Some(grpc::call(fixture, cell, token, case).await),
            Self::Act => grpc::act_on_stream(fixture, cell.operation, token, case).await,
            Self::Browser => browser::call(fixture, cell.operation, token, case).await,
        }
    }
}

/// Carries out the cells, each on its own session, and returns how many of them this way offers.
async fn carry_out(fixture: &Fixture, way: Way, cells: Vec<Cell>) -> usize {
    let outcomes: Vec<_> = stream::iter(cells)
        .map(|cell| carry_out_one(fixture, way, cell))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let tried = outcomes.iter().flatten().count();
    let wrong: Vec<_> = outcomes
        .into_iter()
        .flatten()
        .filter_map(Result::err)
        .collect();
    assert!(wrong.is_empty(), "{way:?}:\n{}", wrong.join("\n"));
    tried
}

/// Carries out one cell. Returns `None` if the operation is not offered in this way.
async fn carry_out_one(fixture: &Fixture, way: Way, cell: Cell) -> Option<Result<(), String>> {
    let case = fixture.case(cell.stage).await;
    let token = match cell.column {
        Column::An => String::new(),
        Column::Pt => case.patron.clone(),
        Column::Px => fixture.access.admit("maple").await.token,
        Column::Sv => fixture.service_token(),
        librarian => fixture.token(librarian).to_owned(),
    };
    let before = fixture.recorded(&case.session_id).await;
    let answer = way.try_it(fixture, &cell, &token, &case).await?;
    if !cell.allows(&answer) {
        return Some(Err(format!("{cell:?} was answered: {answer:?}")));
    }
    let Answer::Refused(said) = answer else {
        return Some(Ok(()));
    };
    if fixture.recorded(&case.session_id).await != before {
        return Some(Err(format!("{cell:?} was refused and left a trace")));
    }
    if cell.hides_what_there_is() {
        let nowhere = case.elsewhere();
        let stranger = way.try_it(fixture, &cell, &token, &nowhere).await?;
        if stranger != Answer::Refused(said) {
            return Some(Err(format!(
                "{cell:?} tells what there is from what never was: {stranger:?}"
            )));
        }
    }
    Some(Ok(()))
}

/// Splits the cells into those at stage `later`, which need a Carrel where an owner's time to wrap up is over at once,
/// and the others.
fn by_wrap_up(cells: Vec<Cell>) -> (Vec<Cell>, Vec<Cell>) {
    cells
        .into_iter()
        .partition(|cell| cell.stage == Stage::Later)
}

async fn without_wrap_up() -> Fixture {
    Fixture::open_with(|config| config.session.wrap_up = Duration::ZERO.into()).await
}

async fn carry_out_all(way: Way, cells: Vec<Cell>) -> usize {
    let (later, now) = by_wrap_up(cells);
    let fixture = Fixture::open().await;
    let mut tried = carry_out(&fixture, way, now).await;
    fixture.close().await;
    let fixture = without_wrap_up().await;
    tried += carry_out(&fixture, way, later).await;
    fixture.close().await;
    tried
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cell_holds_over_grpc() {
    let cells = cells();
    let all = cells.len();
    assert_eq!(carry_out_all(Way::Call, cells).await, all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cell_that_a_browser_is_offered_holds_for_it() {
    assert!(carry_out_all(Way::Browser, cells()).await > 1_200);
}

/// A caller who may not attend gets the answer in the row of Attend, and any other caller that in the row of the act.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cell_of_an_act_holds_on_a_stream() {
    let all = cells();
    let attends = |cell: &Cell| {
        all.iter()
            .find(|other| {
                other.operation == "Attend"
                    && (other.stage, other.column) == (cell.stage, cell.column)
            })
            .map(|attend| attend.expected)
    };
    let acts = all.iter().cloned().map(|mut cell| {
        match attends(&cell) {
            Some("ok") | None => {}
            Some(refused) => cell.expected = refused,
        }
        cell
    });
    let acts: Vec<_> = acts
        .filter(|cell| {
            ["PostMessage", "PushPage", "WriteNote", "EndSession"].contains(&cell.operation)
        })
        .collect();
    let count = acts.len();
    assert_eq!(carry_out_all(Way::Act, acts).await, count);
}

/// I22: an RPC can't be added without a row.
#[test]
fn every_rpc_has_a_row() {
    let files = FileDescriptorSet::decode(carrel_proto::DESCRIPTORS).unwrap();
    let mut rpcs = BTreeSet::new();
    for file in &files.file {
        let package = file.package();
        for service in &file.service {
            let paths = service.method.iter().map(|method| {
                let (service, method) = (service.name(), method.name());
                format!("/{package}.{service}/{method}")
            });
            rpcs.extend(paths.filter(|path| path.starts_with("/carrel.")));
        }
    }
    let rows: BTreeSet<_> = cells().iter().map(Cell::path).collect();
    assert_eq!(rpcs, rows);
}
