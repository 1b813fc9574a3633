//! The operations of the matrix over gRPC, one module for each service.

use tonic::Request;

use crate::{
    access::on_behalf,
    answer::Answer,
    case::Case,
    fixture::Fixture,
    table::{Cell, Service},
};

mod desk;
mod directory;
mod messages;
mod sessions;
mod stream;
mod transfers;

pub(crate) use sessions::act_on_stream;
pub(crate) use stream::Stream;

/// Returns a request with the token, or without one if it is empty.
pub(crate) fn ask<T>(token: &str, message: T) -> Request<T> {
    match token {
        "" => Request::new(message),
        token => on_behalf(token, message),
    }
}

/// Tries an operation as a call.
pub(crate) async fn call(fixture: &Fixture, cell: &Cell, token: &str, case: &Case) -> Answer {
    let operation = cell.operation;
    match cell.service {
        Service::Session => sessions::call(fixture, operation, token, case).await,
        Service::Transfer => transfers::call(fixture, operation, token, case).await,
        Service::Load | Service::Presence => desk::call(fixture, operation, token, case).await,
        Service::Directory => directory::call(fixture, operation, token).await,
        Service::Im => messages::call(fixture, operation, token, case).await,
    }
}
