-- Everything that Carrel knows, in the schema that postgres.schema names.
--
-- Every table of streams begins its key with the stream's id, so that the tables can be distributed by it: a session,
-- whatever its category of streams, then lies in one place. There is no sequence, and no key reaches over that border.
-- Texts are compared byte by byte, whatever the database's language is.

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

INSERT INTO meta (name, value) VALUES ('epoch', replace(gen_random_uuid()::text, '-', ''));
