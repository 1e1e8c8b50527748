-- +goose Up
-- One row for each session in rotation mode, updated in place: none of the columns that a refresh changes has an index. id is the
-- session's ID and owner the SHA-256 of the identity, both as hexadecimal digits: identities may be longer than an index takes.
-- Times are Unix milliseconds. Whether a session was ended is in refresh_revocations and nowhere else.
CREATE TABLE refresh_sessions (
    id           TEXT   PRIMARY KEY,
    owner        TEXT   NOT NULL,
    identity     TEXT   NOT NULL,
    started_at   BIGINT NOT NULL,
    generation   BIGINT NOT NULL,
    rotated_at   BIGINT NOT NULL,
    key_id       TEXT   NOT NULL,
    acknowledged BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    user_agent   TEXT   NOT NULL,
    expires_at   BIGINT NOT NULL,
    ends_at      BIGINT NOT NULL,
    kept_until   BIGINT NOT NULL
);
CREATE INDEX refresh_sessions_owner ON refresh_sessions (owner);
CREATE INDEX refresh_sessions_kept_until ON refresh_sessions (kept_until);

-- +goose Down
DROP TABLE refresh_sessions;
