-- +goose Up
-- One row: the last sequence given out. Who raises it holds the row until the commit, so that sequences are committed in
-- their order and without gaps.
CREATE TABLE refresh_feed (
    id   BIGINT PRIMARY KEY,
    head BIGINT NOT NULL
);
INSERT INTO refresh_feed (id, head) VALUES (1, 0);

-- id is 's' and the session's ID, or 'i' and the SHA-256 of the identity: identities may be longer than an index takes.
-- Times are Unix milliseconds.
CREATE TABLE refresh_revocations (
    id         TEXT   PRIMARY KEY,
    seq        BIGINT NOT NULL UNIQUE,
    identity   TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    revoked_at BIGINT NOT NULL,
    kept_until BIGINT NOT NULL
);
CREATE INDEX refresh_revocations_kept_until ON refresh_revocations (kept_until);

CREATE TABLE refresh_leases (
    node         TEXT   PRIMARY KEY,
    version      BIGINT NOT NULL,
    acknowledged BIGINT NOT NULL
);

-- +goose Down
DROP TABLE refresh_leases;
DROP TABLE refresh_revocations;
DROP TABLE refresh_feed;
