//! The web pages, which are built from `gateway/web` into the binary.

use std::borrow::Cow;

use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderValue, StatusCode, header};
use rust_embed::RustEmbed;

/// What `make web` built. Empty when it was not run.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/web/dist"]
#[allow_missing = true]
struct Built;

/// Their names have a hash of their content in them, so they never change.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Carrel</title>\
    <h1>The pages are not built</h1><p>Run <code>make web</code>, then build and start Carrel again.</p></html>\n";

const NO_SUCH_PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Carrel</title>\
    <h1>There is no such page</h1><p><a href=\"/\">To the libraries</a></p></html>\n";

/// The routes of the pages.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(async || page("index.html")))
        .route("/ask/{institution_id}", get(async || page("ask.html")))
        .route("/desk", get(async || page("desk.html")))
        .route("/assets/{*path}", get(asset))
        .route("/{file}", get(file))
        .fallback(async || html(StatusCode::NOT_FOUND, NO_SUCH_PAGE))
}

fn page(name: &str) -> Response {
    match Built::get(name) {
        Some(built) => content(name, built.data),
        None => html(StatusCode::SERVICE_UNAVAILABLE, NOT_BUILT),
    }
}

async fn asset(Path(path): Path<String>) -> Response {
    let name = format!("assets/{path}");
    match Built::get(&name) {
        Some(built) => {
            let mut response = content(&name, built.data);
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, IMMUTABLE);
            response
        }
        None => html(StatusCode::NOT_FOUND, NO_SUCH_PAGE),
    }
}

/// The icon and its like, which browsers look for at the top. Pages are reached by their routes only.
async fn file(Path(name): Path<String>) -> Response {
    match Built::get(&name) {
        Some(built) if !name.ends_with(".html") => content(&name, built.data),
        _ => html(StatusCode::NOT_FOUND, NO_SUCH_PAGE),
    }
}

fn html(status: StatusCode, body: &'static str) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
        body,
    )
        .into_response()
}

fn content(name: &str, data: Cow<'static, [u8]>) -> Response {
    let mime = mime_guess::from_path(name).first_or_octet_stream();
    let content_type = match mime.type_() {
        mime_guess::mime::TEXT => format!("{}; charset=utf-8", mime.essence_str()),
        _ => mime.essence_str().to_owned(),
    };
    ([(header::CONTENT_TYPE, content_type)], data).into_response()
}
