//! What every log promises about finding streams by their index entry.

use carrel_platform::log::{EventLog, StreamHead, StreamName, StreamQuery, Write};

use crate::{
    Place,
    sentences::{append_indexed, batch, closed, index_entry, open, stream, write},
};

pub(crate) async fn open_streams_are_found_page_by_page<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    for id in ["d", "b", "a", "e", "c"] {
        append_indexed(&log, id, 0, Some(index_entry("maple", None))).await;
    }
    append_indexed(&log, "silent", 0, None).await;
    let other = Write {
        stream: StreamName::new("directory", "b2"),
        index_entry: Some(index_entry("maple", None)),
        ..write("", 0, ["e"])
    };
    log.append(batch([other])).await.unwrap();
    assert_eq!(open(&log, None, 2).await, ["a", "b"]);
    assert_eq!(open(&log, Some("b"), 2).await, ["c", "d"]);
    assert_eq!(open(&log, Some("d"), 2).await, ["e"]);
    assert!(open(&log, Some("e"), 2).await.is_empty());
    assert!(open(&log, None, 0).await.is_empty());

    append_indexed(&log, "b", 1, None).await;
    append_indexed(&log, "c", 1, Some(index_entry("maple", Some(7)))).await;
    assert_eq!(open(&log, None, 10).await, ["a", "b", "d", "e"]);
    append_indexed(&log, "c", 2, Some(index_entry("harbor", None))).await;
    assert_eq!(open(&log, None, 10).await, ["a", "b", "c", "d", "e"]);
    let query = StreamQuery::Open {
        category: "session",
        after: Some("b".to_owned()),
        limit: 1,
    };
    let expected = StreamHead {
        stream: stream("c"),
        version: 3,
        index_entry: index_entry("harbor", None),
        index_version: 3,
    };
    let found = log.find(query.clone()).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&expected));
    // A write without an index entry leaves the old one, and its version, in place.
    append_indexed(&log, "c", 3, None).await;
    let grown = StreamHead {
        version: 4,
        ..expected
    };
    assert_eq!(log.find(query).await.unwrap(), [grown]);
}

pub(crate) async fn closed_streams_are_found_the_last_closed_first<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    for (id, owner, at) in [
        ("a", "maple", 10),
        ("b", "maple", 30),
        ("c", "maple", 20),
        ("d", "maple", 20),
        ("e", "harbor", 25),
        ("f", "maple", -5),
    ] {
        append_indexed(&log, id, 0, Some(index_entry(owner, None))).await;
        append_indexed(&log, id, 1, Some(index_entry(owner, Some(at)))).await;
    }
    let ids = async |before, limit| -> Vec<String> {
        let heads = closed(&log, "maple", before, limit).await;
        heads.into_iter().map(|head| head.stream.id).collect()
    };
    assert_eq!(ids(None, 10).await, ["b", "d", "c", "a", "f"]);
    assert_eq!(ids(None, 2).await, ["b", "d"]);
    assert_eq!(ids(Some((20, "d")), 2).await, ["c", "a"]);
    assert_eq!(ids(Some((10, "a")), 2).await, ["f"]);
    assert!(ids(Some((-5, "f")), 2).await.is_empty());
    let expected = StreamHead {
        stream: stream("e"),
        version: 2,
        index_entry: index_entry("harbor", Some(25)),
        index_version: 2,
    };
    assert_eq!(closed(&log, "harbor", None, 10).await, [expected]);
    assert!(closed(&log, "nobody", None, 10).await.is_empty());
    assert!(open(&log, None, 10).await.is_empty());
}
