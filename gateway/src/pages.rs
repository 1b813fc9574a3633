//! The web pages, which are built from `gateway/web` into the binary.

use std::borrow::Cow;

use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::RustEmbed;

use crate::http::CrossOriginUse;

/// The files that `make web` built. Empty if it was not run.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/web/dist"]
#[allow_missing = true]
struct Built;

/// Assets have a hash of their content in their names, so they never change.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The script has one address for ever, which libraries write into their pages, so a new version has to get through.
const SHORT: HeaderValue = HeaderValue::from_static("public, max-age=300");

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Carrel</title>\
    <h1>The pages are not built</h1><p>Run <code>make web</code>, then build and start Carrel again.</p></html>\n";

/// The answer for clients that do not read HTML.
const NO_SUCH_PAGE: &str = "There is no such page. The libraries are at /\n";

/// The routes of the pages.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(async || page("index.html")))
        .route("/ask/{institution_id}", get(async || patron_page()))
        .route("/desk", get(async || page("desk.html")))
        .route("/embed.js", get(embed_script))
        .route("/assets/{*path}", get(asset))
        .route("/{file}", get(file))
        .fallback(nowhere)
}

fn page(name: &str) -> Response {
    match Built::get(name) {
        Some(built) => content(name, built.data),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
            NOT_BUILT,
        )
            .into_response(),
    }
}

/// The patron's page, which a library's own web site may show in a frame (D85).
fn patron_page() -> Response {
    let mut response = page("ask.html");
    response.extensions_mut().insert(CrossOriginUse::Framed);
    response
}

/// The script that puts the patron's page into a library's own web site (D85).
async fn embed_script(headers: HeaderMap) -> Response {
    let mut response = match Built::get("embed.js") {
        Some(built) => (
            [(header::CACHE_CONTROL, SHORT)],
            content("embed.js", built.data),
        )
            .into_response(),
        None => no_such_page(&headers),
    };
    response.extensions_mut().insert(CrossOriginUse::Script);
    response
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let name = format!("assets/{path}");
    match Built::get(&name) {
        Some(built) => {
            let mut response = content(&name, built.data);
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, IMMUTABLE);
            response
        }
        None => no_such_page(&headers),
    }
}

/// Serves the icon and similar files, which browsers look for at the root. Pages are reached only by their routes.
async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match Built::get(&name) {
        Some(built) if !name.ends_with(".html") => content(&name, built.data),
        _ => no_such_page(&headers),
    }
}

async fn nowhere(headers: HeaderMap) -> Response {
    no_such_page(&headers)
}

/// Answers with a page if the client reads HTML. Browsers ask for HTML by name when a person goes to an address; their
/// requests for scripts, styles and images, and most programs, do not.
fn no_such_page(headers: &HeaderMap) -> Response {
    let built = Built::get("no_such_page.html").filter(|_| reads_html(headers));
    let mut response = match built {
        Some(built) => content("no_such_page.html", built.data),
        None => NO_SUCH_PAGE.into_response(),
    };
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn reads_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|accept| accept.to_str().ok())
        .flat_map(|accept| accept.split(','))
        .filter_map(|kind| kind.split(';').next())
        .any(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
}

fn content(name: &str, data: Cow<'static, [u8]>) -> Response {
    let mime = mime_guess::from_path(name).first_or_octet_stream();
    let content_type = match mime.type_() {
        mime_guess::mime::TEXT => format!("{}; charset=utf-8", mime.essence_str()),
        _ => mime.essence_str().to_owned(),
    };
    ([(header::CONTENT_TYPE, content_type)], data).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(accept: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for kinds in accept {
            headers.append(header::ACCEPT, HeaderValue::from_static(kinds));
        }
        reads_html(&headers)
    }

    #[test]
    fn only_who_names_html_is_given_a_page() {
        assert!(reads(&["text/html,application/xhtml+xml,*/*;q=0.8"]));
        assert!(reads(&["application/json", "image/png, Text/HTML;q=0.5"]));
        assert!(!reads(&[]));
        assert!(!reads(&["*/*"]));
        assert!(!reads(&["application/json, text/plain"]));
    }

    #[test]
    fn whoever_asks_for_what_is_not_there_is_told_so_with_the_status() {
        let mut headers = HeaderMap::new();
        let told = no_such_page(&headers);
        assert_eq!(told.status(), StatusCode::NOT_FOUND);
        assert_eq!(
            told.headers()[header::CONTENT_TYPE],
            "text/plain; charset=utf-8"
        );
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
        let shown = no_such_page(&headers);
        assert_eq!(shown.status(), StatusCode::NOT_FOUND);
        let is_built = Built::get("no_such_page.html").is_some();
        let kind = if is_built { "text/html" } else { "text/plain" };
        assert_eq!(
            shown.headers()[header::CONTENT_TYPE],
            format!("{kind}; charset=utf-8")
        );
    }
}
