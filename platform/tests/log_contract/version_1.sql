-- The tables as version 1 made them, and what one server wrote into them.

PRAGMA journal_mode = WAL;
PRAGMA application_id = 0x6361726c;
PRAGMA user_version = 1;

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stream (
    stream_id    INTEGER PRIMARY KEY,
    category     TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    owner        TEXT,
    closed_at_ms INTEGER,
    UNIQUE (category, id)
) STRICT;

CREATE INDEX stream_open ON stream (category, id)
    WHERE owner IS NOT NULL AND closed_at_ms IS NULL;

CREATE INDEX stream_closed ON stream (category, owner, closed_at_ms, id)
    WHERE closed_at_ms IS NOT NULL;

CREATE TABLE event (
    stream_id           INTEGER NOT NULL REFERENCES stream (stream_id),
    version             INTEGER NOT NULL,
    at_ms               INTEGER NOT NULL,
    payload             BLOB    NOT NULL,
    command_key         TEXT,
    command_fingerprint INTEGER,
    PRIMARY KEY (stream_id, version)
) STRICT, WITHOUT ROWID;

INSERT INTO meta VALUES ('epoch', 'e90c');
INSERT INTO stream VALUES
    (1, 'session', 'a', 3, 'maple', NULL),
    (2, 'session', 'b', 1, 'maple', 17),
    (3, 'directory', 'a', 1, NULL, NULL);
INSERT INTO event VALUES
    (1, 1, 1790000000001, x'6131', 'ricky 1', -1),
    (2, 1, 1790000000002, x'6231', NULL, NULL),
    (1, 2, 1790000000003, x'', 'ricky 2', 7),
    (1, 3, 1790000000004, x'6133', NULL, NULL),
    (3, 1, 1790000000005, x'6431', 'map 1', 9223372036854775807);
