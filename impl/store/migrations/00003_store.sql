-- +goose Up
-- One row: what the store knows about itself and about the servers that have used it. Times and lifetimes
-- are in milliseconds.
--   identity       a random text that tells this store from any other; empty until it is set
--   oldest_schema  a program may use the store if it knows this version of the schema or a later one
--   max_lifetime   the longest that a refresh token may live, by the settings of any server so far
--   rotation       1 if any server so far had rotation on
--   cleaned_until  rows that need not be kept at this time may have been removed; 0: none so far
CREATE TABLE refresh_store (
    id            BIGINT PRIMARY KEY,
    identity      TEXT   NOT NULL DEFAULT '',
    oldest_schema BIGINT NOT NULL,
    max_lifetime  BIGINT NOT NULL DEFAULT 0,
    rotation      BIGINT NOT NULL DEFAULT 0,
    cleaned_until BIGINT NOT NULL DEFAULT 0
);
INSERT INTO refresh_store (id, oldest_schema) VALUES (1, 3);

-- The thumbprints (RFC 7638) of the keys that have signed refresh tokens here.
CREATE TABLE refresh_signing_keys (
    thumbprint TEXT PRIMARY KEY
);

-- The user or the command that made the revocation; empty if that is not known.
ALTER TABLE refresh_revocations ADD COLUMN actor TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE refresh_revocations DROP COLUMN actor;
DROP TABLE refresh_signing_keys;
DROP TABLE refresh_store;
