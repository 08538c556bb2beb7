-- Containers: what was asked for, written once, and what is known, written before every deed.
CREATE TABLE containers (
    id      TEXT PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE,
    record  TEXT NOT NULL,
    state   TEXT NOT NULL
) WITHOUT ROWID;

-- Images: the configuration's digest, the layers' chain, and what names them.
CREATE TABLE images (
    id       TEXT PRIMARY KEY,          -- sha256:…, the digest of the configuration
    record   TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE image_references (
    reference TEXT PRIMARY KEY,         -- fully qualified: docker.io/library/busybox:latest
    image     TEXT NOT NULL REFERENCES images (id)
) WITHOUT ROWID;

-- Layers: snapshots that were unpacked from a layer and never change again.
CREATE TABLE layers (
    chain     TEXT PRIMARY KEY,         -- chain id of the image specification
    parent    TEXT REFERENCES layers (chain),
    snapshot  TEXT NOT NULL UNIQUE,     -- the storage driver's key, a short number
    diff      TEXT NOT NULL,            -- digest of the uncompressed tar
    size      INTEGER NOT NULL,         -- bytes of the files in the layer
    blob      TEXT NOT NULL,            -- digest of the tar as it came, which is kept
    blob_size INTEGER NOT NULL,
    media     TEXT NOT NULL             -- media type of the blob
) WITHOUT ROWID;

CREATE TABLE volumes (
    name     TEXT PRIMARY KEY,
    record   TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE networks (
    id       TEXT PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    record   TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE events (
    number   INTEGER PRIMARY KEY,
    time_ns  INTEGER NOT NULL,
    record   TEXT NOT NULL
);
CREATE INDEX events_by_time ON events (time_ns);
