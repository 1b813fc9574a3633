//! Who is let in: origins, hosts, sub-protocols, caps; and what every answer says.

use std::{num::NonZeroUsize, time::Duration};

use carrel_gateway::{Config, config::SocketConfig};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_tungstenite::{connect_async, tungstenite::http::HeaderValue};

use crate::{
    browser::{Browser, JSON, PROTO, refused_status, upgrade},
    fixture::{Fixture, NOW_S},
    services::token,
};

/// Sends bytes and reads to the end of the connection.
pub async fn exchange(fixture: &Fixture, request: &str) -> String {
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends a request without a body, and returns the whole answer with its header names in lower case.
pub async fn get(fixture: &Fixture, path: &str, headers: &str) -> String {
    let address = fixture.address;
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n");
    exchange(fixture, &request).await
}

// T1
#[tokio::test]
async fn a_page_of_another_origin_opens_no_socket() {
    let fixture = Fixture::open().await;
    let port = fixture.address.port();
    for stranger in [
        "null".to_owned(),
        "http://127.0.0.1".to_owned(),
        format!("http://127.0.0.1:{}", port ^ 1),
        format!("http://127.0.0.1:{port}.evil.example"),
        format!("http://evil127.0.0.1:{port}"),
        format!("http://localhost:{port}"),
        format!("HTTP://127.0.0.1:{port}"),
        format!("http://127.0.0.1.:{port}"),
        "https://evil.example".to_owned(),
    ] {
        let mut request = upgrade(&fixture, JSON);
        let origin = HeaderValue::from_str(&stranger).unwrap();
        request.headers_mut().insert("origin", origin);
        assert_eq!(refused_status(request).await, 403, "{stranger}");
    }
    let mut program = upgrade(&fixture, JSON);
    program.headers_mut().remove("origin");
    assert!(connect_async(program).await.is_ok());
}

#[tokio::test]
async fn a_program_without_an_origin_can_be_kept_out() {
    let fixture = Fixture::with(Config {
        allow_missing_origin: Some(false),
        ..Config::default()
    })
    .await;
    let mut program = upgrade(&fixture, JSON);
    program.headers_mut().remove("origin");
    assert_eq!(refused_status(program).await, 403);
}

#[tokio::test]
async fn a_rebound_host_name_is_not_answered_except_for_health() {
    let fixture = Fixture::open().await;
    for (path, status) in [("/", 421), ("/v1/libraries", 421), ("/healthz", 200)] {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
        let answer = exchange(&fixture, &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn only_known_sub_protocols_are_spoken() {
    let fixture = Fixture::open().await;
    assert_eq!(
        refused_status(upgrade(&fixture, "carrel.v2.json")).await,
        400
    );
    let mut none = upgrade(&fixture, JSON);
    none.headers_mut().remove("sec-websocket-protocol");
    assert_eq!(refused_status(none).await, 400);
    let several = upgrade(&fixture, &format!("graphql-ws, {JSON}, {PROTO}"));
    let (_, response) = connect_async(several).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], PROTO);
    assert!(response.headers().get("sec-websocket-extensions").is_none());
    let plain = get(&fixture, "/v1/socket", "").await;
    assert!(plain.starts_with("HTTP/1.1 4"), "{plain}");
}

// T10
#[tokio::test]
async fn one_address_and_one_person_have_so_many_sockets() {
    let fixture = Fixture::with(Config {
        socket: SocketConfig {
            per_address: NonZeroUsize::new(3).unwrap(),
            per_person: NonZeroUsize::new(2).unwrap(),
            ..SocketConfig::default()
        },
        ..Config::default()
    })
    .await;
    let _first = Browser::hello(&fixture, JSON, "map").await;
    let second = Browser::hello(&fixture, JSON, "map").await;
    let mut third = Browser::silent(&fixture, JSON).await;
    assert_eq!(refused_status(upgrade(&fixture, JSON)).await, 429);
    third.say_hello(token("map", NOW_S + 600)).await;
    assert_eq!(third.closed().await.0, 4429);
    drop(second);
    // A place becomes free when the previous socket has ended.
    let mut browser = loop {
        if let Ok((socket, _)) = connect_async(upgrade(&fixture, JSON)).await {
            break socket;
        }
        tokio::task::yield_now().await;
    };
    futures::SinkExt::close(&mut browser).await.unwrap();
}

#[tokio::test]
async fn every_answer_has_the_headers() {
    let fixture = Fixture::open().await;
    for path in [
        "/",
        "/desk",
        "/ask/maple",
        "/v1/libraries",
        "/v1/profile",
        "/nowhere",
        "/healthz",
    ] {
        let answer = get(&fixture, path, "").await;
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src 'self' data:; font-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'\r\n",
            "x-content-type-options: nosniff\r\n",
            "referrer-policy: no-referrer\r\n",
            "cache-control: no-store\r\n",
        ] {
            assert!(answer.contains(header), "{path}: {answer}");
        }
    }
}

// T15
#[tokio::test]
async fn only_listed_sites_frame_a_page_and_only_the_patrons() {
    let sites = ["https://www.maple.example", "http://localhost:8000"];
    let fixture = Fixture::with(Config {
        embedding_origins: sites.iter().map(|&site| site.to_owned()).collect(),
        ..Config::default()
    })
    .await;
    for path in ["/ask/maple", "/ask/harbor?practice"] {
        let answer = get(&fixture, path, "").await;
        let allowed = "form-action 'none'; frame-ancestors https://www.maple.example http://localhost:8000\r\n";
        assert!(answer.contains(allowed), "{path}: {answer}");
        // Browsers without frame-ancestors would show nothing.
        assert!(!answer.contains("x-frame-options"), "{path}: {answer}");
        assert!(answer.contains("script-src 'self'; "), "{path}: {answer}");
    }
    for path in [
        "/",
        "/desk",
        "/embed.js",
        "/ask/maple/nowhere",
        "/v1/libraries",
        "/healthz",
    ] {
        framed_by_nobody(path, &get(&fixture, path, "").await);
    }
    let stranger = "GET /ask/maple HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    framed_by_nobody("another host", &exchange(&fixture, stranger).await);
}

// T15
#[tokio::test]
async fn no_site_frames_a_page_unless_it_is_listed() {
    let fixture = Fixture::open().await;
    framed_by_nobody("/ask/maple", &get(&fixture, "/ask/maple", "").await);
}

/// Fails unless an answer may be shown in no frame.
fn framed_by_nobody(path: &str, answer: &str) {
    assert!(
        answer.contains("; frame-ancestors 'none'\r\n"),
        "{path}: {answer}"
    );
    assert!(
        answer.contains("x-frame-options: DENY\r\n"),
        "{path}: {answer}"
    );
}

#[tokio::test]
async fn a_site_to_be_framed_by_that_is_no_origin_stops_the_start() {
    let fixture = Fixture::with(Config {
        embedding_origins: vec!["https://www.maple.example/".to_owned()],
        ..Config::default()
    })
    .await;
    let refused = fixture.serving.await.unwrap().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "gateway.embedding_origins: \"https://www.maple.example/\" is no origin as browsers write it; write for example \
         \"https://ask.example.org\": lower case, no path, and a port only if it is not the scheme's own"
    );
}

// D85
#[tokio::test]
async fn every_site_may_run_the_script_that_embeds_the_chat_and_nothing_else() {
    let fixture = Fixture::open().await;
    let script = get(&fixture, "/embed.js", "").await;
    if script.starts_with("HTTP/1.1 200") {
        assert!(
            script.contains("content-type: text/javascript; charset=utf-8\r\n"),
            "{script}"
        );
        assert!(
            script.contains("cache-control: public, max-age=300\r\n"),
            "{script}"
        );
    }
    assert!(
        script.contains("cross-origin-resource-policy: cross-origin\r\n"),
        "{script}"
    );
    assert!(
        script.contains("access-control-allow-origin: *\r\n"),
        "{script}"
    );
    for path in ["/", "/ask/maple", "/desk", "/v1/libraries", "/mark.svg"] {
        let answer = get(&fixture, path, "").await;
        assert!(
            answer.contains("cross-origin-resource-policy: same-origin\r\n"),
            "{path}: {answer}"
        );
        assert!(!answer.contains("access-control-allow"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn the_pages_are_there_or_say_how_to_build_them() {
    let fixture = Fixture::open().await;
    for path in ["/", "/desk", "/ask/maple"] {
        let answer = get(&fixture, path, "").await;
        let built = answer.starts_with("HTTP/1.1 200");
        let told = answer.starts_with("HTTP/1.1 503") && answer.contains("make web");
        assert!(built || told, "{path}: {answer}");
        assert!(answer.contains("content-type: text/html; charset=utf-8\r\n"));
    }
    for path in [
        "/assets/no-such.js",
        "/index.html",
        "/assets/../../Cargo.toml",
        "/%2e%2e/Cargo.toml",
    ] {
        let answer = get(&fixture, path, "").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
}

// F27
#[tokio::test]
async fn http_2_is_not_spoken() {
    let fixture = Fixture::open().await;
    let answer = exchange(&fixture, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
}

// F28
#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let fixture = Fixture::with(Config {
        head_timeout: Duration::from_millis(50).into(),
        ..Config::default()
    })
    .await;
    // Reads to the end of the connection, which only the server can cause.
    exchange(&fixture, "GET / HTTP/1.1\r\nhost: ").await;
    // A connection that was answered must not stay for ever either.
    let answer = exchange(&fixture, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn no_more_connections_than_allowed_are_open_and_a_socket_is_one() {
    let fixture = Fixture::with(Config {
        connections: NonZeroUsize::MIN,
        ..Config::default()
    })
    .await;
    let socket = Browser::hello(&fixture, JSON, "map").await;
    let waiting = get(&fixture, "/healthz", "");
    tokio::pin!(waiting);
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(socket);
    assert!(waiting.await.starts_with("HTTP/1.1 200"));
}

// F25
#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let fixture = Fixture::open().await;
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(60_000));
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");
}

#[tokio::test]
async fn readiness_follows_the_services_and_health_does_not() {
    let mut fixture = Fixture::open().await;
    assert!(
        get(&fixture, "/readyz", "")
            .await
            .starts_with("HTTP/1.1 200")
    );
    fixture.lose_services().await;
    assert!(
        get(&fixture, "/readyz", "")
            .await
            .starts_with("HTTP/1.1 503")
    );
    assert!(
        get(&fixture, "/healthz", "")
            .await
            .starts_with("HTTP/1.1 200")
    );
}

/// A client that reads no answer gives its place among the connections back.
#[tokio::test]
async fn a_client_that_reads_no_answer_does_not_keep_its_place() {
    let fixture = Fixture::with(Config {
        connections: NonZeroUsize::MIN,
        socket: SocketConfig {
            send_timeout: Duration::from_millis(50).into(),
            ..SocketConfig::default()
        },
        ..Config::default()
    })
    .await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1_024).unwrap();
    let mut deaf = socket.connect(fixture.address).await.unwrap();
    let request = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", fixture.address);
    // It asks until the gateway takes no more requests, since it can send no more answers; and in the end it is cut
    // off.
    let requests = request.repeat(1_000);
    while deaf.write_all(requests.as_bytes()).await.is_ok() {}
    assert!(
        get(&fixture, "/healthz", "")
            .await
            .starts_with("HTTP/1.1 200")
    );
}
