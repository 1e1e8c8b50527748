package store

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"kalsel.dev/refresh/impl/revocation"
)

// errReadOnly is the error of a connection to a server that is no primary, or not yet.
var errReadOnly = errors.New("the server is read-only: it is not the primary")

// Unavailable reports whether an error of Open or of a call means that the store is unavailable for
// the moment, so that the call may succeed later: it cannot be reached, it starts or stops, or it
// waits for its standby. A wrong URL or password, a missing database and missing privileges do not
// change by waiting.
func Unavailable(err error) bool {
	if p, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch class := p.Code[:min(2, len(p.Code))]; class {
		case "08", "25", "40", "53", "55", "57", "58": // see isFault
			return true
		}
		return false
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true // containers start in any order, and their names come with them
	}
	for _, passing := range []error{
		errReadOnly, revocation.ErrUnavailable, io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded,
	} {
		if errors.Is(err, passing) {
			return true
		}
	}
	busy, ok := errors.AsType[*sqlite.Error](err)
	return ok && busy.Code()&0xff == sqlite3.SQLITE_BUSY
}
