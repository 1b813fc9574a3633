-- The tables as version 1 made them, and what one server wrote into them.

CREATE TABLE meta (
    name  text COLLATE "C" PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE stream (
    id               text COLLATE "C" NOT NULL,
    category         text COLLATE "C" NOT NULL,
    version          bigint           NOT NULL,
    erased           bigint           NOT NULL DEFAULT 0,
    owner            text COLLATE "C",
    closed_at_ms     bigint,
    -- The version at which owner and closed_at_ms were written last.
    standing_version bigint           NOT NULL DEFAULT 0,
    PRIMARY KEY (id, category)
)
-- Each append writes a row anew. If there is room in its page, no index has to know.
WITH (fillfactor = 75);

CREATE INDEX stream_open ON stream (category, id)
    WHERE owner IS NOT NULL AND closed_at_ms IS NULL;

CREATE INDEX stream_closed ON stream (category, owner, closed_at_ms, id)
    WHERE closed_at_ms IS NOT NULL;

CREATE TABLE event (
    id                  text COLLATE "C" NOT NULL,
    category            text COLLATE "C" NOT NULL,
    version             bigint           NOT NULL,
    at_ms               bigint           NOT NULL,
    payload             bytea            NOT NULL,
    command_key         text COLLATE "C",
    command_fingerprint bigint,
    PRIMARY KEY (id, category, version)
);

INSERT INTO meta VALUES ('epoch', 'e90c'), ('tables', '1');
INSERT INTO stream VALUES
    ('a', 'session', 3, 1, 'maple', NULL, 2),
    ('b', 'session', 1, 0, 'maple', 17, 1);
INSERT INTO event VALUES
    ('b', 'session', 1, 1790000000002, '\x6231', NULL, NULL),
    ('a', 'session', 2, 1790000000003, '\x6132', 'ricky 2', 7),
    ('a', 'session', 3, 1790000000004, '\x6133', NULL, NULL);
