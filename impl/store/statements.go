package store

// The statements, for both engines: $n parameters, BIGINT milliseconds, TEXT keys.
const (
	storeIdentity = `(SELECT identity FROM refresh_store WHERE id = 1)`
	selectHead    = `SELECT head, ` + storeIdentity + ` FROM refresh_feed WHERE id = 1`
	// PostgreSQL only.
	selectHeadAndRole = `SELECT head, current_setting('transaction_read_only') FROM refresh_feed WHERE id = 1`
	// Any number of transactions may hold this lock at once, and lockHead does not wait for it.
	lockFeed           = `SELECT 1 FROM refresh_feed WHERE id = 1 FOR KEY SHARE`
	selectHeadAndLease = `SELECT head, (SELECT version FROM refresh_leases WHERE node = $1) FROM refresh_feed WHERE id = 1`
	// The transaction that holds this lock is the only one that adds to the feed until it commits, so
	// sequences are committed in their order.
	lockHead = `UPDATE refresh_feed SET head = head WHERE id = 1 RETURNING head, ` + storeIdentity
	moveHead = `UPDATE refresh_feed SET head = $1 WHERE id = 1`

	insertRevocation = `INSERT INTO refresh_revocations (id, seq, identity, reason, actor, revoked_at, kept_until)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, `
	// A session keeps the time at which it was revoked first. It may have to be kept longer.
	insertSession = insertRevocation + `kept_until = excluded.kept_until
WHERE excluded.kept_until > refresh_revocations.kept_until RETURNING ` + revocationColumns
	// A cut-off only moves forward.
	insertCutoff = insertRevocation + `revoked_at = excluded.revoked_at, reason = excluded.reason,
actor = excluded.actor
WHERE excluded.revoked_at > refresh_revocations.revoked_at RETURNING ` + revocationColumns

	// If the revocation is in force already, its row is written again: the commit waits for the
	// same replication as the first one, which may have failed after it was committed.
	confirmSession = `UPDATE refresh_revocations SET reason = reason WHERE id = $1 AND kept_until >= $2
RETURNING ` + revocationColumns
	confirmCutoff = `UPDATE refresh_revocations SET reason = reason WHERE id = $1 AND revoked_at >= $2
RETURNING ` + revocationColumns

	revocationColumns = `id, seq, identity, reason, actor, revoked_at, kept_until`
	selectRevocation  = `SELECT ` + revocationColumns + ` FROM refresh_revocations WHERE id = $1`
	selectPage        = `SELECT ` + revocationColumns + ` FROM refresh_revocations
WHERE seq < $1 AND kept_until > $2 ORDER BY seq DESC LIMIT $3`
	selectChanges = `SELECT id, seq, revoked_at, kept_until FROM refresh_revocations
WHERE seq > $1 ORDER BY seq LIMIT $2`
	selectRevocations = `SELECT ` + revocationColumns + ` FROM refresh_revocations WHERE id IN ($1, $2)`
	selectState       = `SELECT id, revoked_at FROM refresh_revocations WHERE id IN ($1, $2)`
	deleteExpired     = `DELETE FROM refresh_revocations WHERE id IN
(SELECT id FROM refresh_revocations WHERE kept_until < $1 ORDER BY kept_until LIMIT $2)`

	upsertLease = `INSERT INTO refresh_leases (node, version, acknowledged) VALUES ($1, $2, $3)
ON CONFLICT (node) DO UPDATE SET version = excluded.version, acknowledged = excluded.acknowledged`
	renewLease       = `UPDATE refresh_leases SET version = $2 WHERE node = $1 AND version >= $3`
	acknowledgeLease = `UPDATE refresh_leases SET version = $2, acknowledged = $3 WHERE node = $1 AND version >= $4 AND version < $2`
	selectLeases     = `SELECT node, version, acknowledged FROM refresh_leases`
	deleteLease      = `DELETE FROM refresh_leases WHERE node = $1`
	deleteLeaseIf    = `DELETE FROM refresh_leases WHERE node = $1 AND version = $2`
)
