-- The tables as version 2 made them, and what one server wrote into them.

PRAGMA journal_mode = WAL;
PRAGMA application_id = 0x6361726c;
PRAGMA user_version = 2;

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stream (
    stream_id        INTEGER PRIMARY KEY,
    category         TEXT    NOT NULL,
    id               TEXT    NOT NULL,
    version          INTEGER NOT NULL,
    erased           INTEGER NOT NULL DEFAULT 0,
    owner            TEXT,
    closed_at_ms     INTEGER,
    -- The version at which owner and closed_at_ms were written last.
    standing_version INTEGER NOT NULL DEFAULT 0,
    UNIQUE (category, id)
) STRICT;

CREATE INDEX stream_open ON stream (category, id)
    WHERE owner IS NOT NULL AND closed_at_ms IS NULL;

CREATE INDEX stream_closed ON stream (category, owner, closed_at_ms, id)
    WHERE closed_at_ms IS NOT NULL;

-- Rows are only ever added at the end, and erased by writing zeros over them: no row is ever moved or deleted. SQLite
-- leaves a copy where a row was before it was moved, and `secure_delete` does not reach it.
CREATE TABLE event (
    event_id            INTEGER PRIMARY KEY,
    stream_id           INTEGER NOT NULL REFERENCES stream (stream_id),
    version             INTEGER NOT NULL,
    at_ms               INTEGER NOT NULL,
    payload             BLOB    NOT NULL,
    command_key         TEXT,
    command_fingerprint BLOB,
    UNIQUE (stream_id, version)
) STRICT;

INSERT INTO meta VALUES ('epoch', 'e90c');
INSERT INTO stream VALUES
    (1, 'session', 'a', 3, 1, 'maple', NULL, 2),
    (2, 'session', 'b', 1, 0, 'maple', 17, 1);
INSERT INTO event VALUES
    (1, 1, 1, 1790000000001, x'0000', NULL, NULL),
    (2, 2, 1, 1790000000002, x'6231', NULL, NULL),
    (3, 1, 2, 1790000000003, x'6132', 'ricky 2', x'0000000000000007'),
    (4, 1, 3, 1790000000004, x'6133', NULL, NULL);
