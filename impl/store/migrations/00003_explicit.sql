-- +goose Up
-- Earlier programs doubled each backslash in texts. Now texts are stored as they are.
UPDATE refresh_revocations SET identity = replace(identity, '\\', '\'), reason = replace(reason, '\\', '\')
WHERE identity <> replace(identity, '\\', '\') OR reason <> replace(reason, '\\', '\');
UPDATE refresh_sessions SET identity = replace(identity, '\\', '\'), key_id = replace(key_id, '\\', '\'),
    user_agent = replace(user_agent, '\\', '\')
WHERE identity <> replace(identity, '\\', '\') OR key_id <> replace(key_id, '\\', '\')
    OR user_agent <> replace(user_agent, '\\', '\');

CREATE TABLE refresh_signing_keys (thumbprint TEXT PRIMARY KEY);

-- +goose Down
SELECT 1;
