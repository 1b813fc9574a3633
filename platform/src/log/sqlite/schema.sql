-- Everything that Carrel knows. Written by carrel-platform, src/log/sqlite; change it only together with its version.

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
