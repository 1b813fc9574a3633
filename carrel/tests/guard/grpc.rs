//! The operations of the matrix over gRPC, one module for each service.

use tonic::Request;

use crate::{
    answer::Answer,
    case::Case,
    door::on_behalf,
    house::House,
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
pub(crate) async fn call(house: &House, cell: &Cell, token: &str, case: &Case) -> Answer {
    let operation = cell.operation;
    match cell.service {
        Service::Session => sessions::call(house, operation, token, case).await,
        Service::Transfer => transfers::call(house, operation, token, case).await,
        Service::Load | Service::Presence => desk::call(house, operation, token, case).await,
        Service::Directory => directory::call(house, operation, token).await,
        Service::Im => messages::call(house, operation, token, case).await,
    }
}
