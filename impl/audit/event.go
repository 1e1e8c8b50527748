// Package audit writes the audit stream: one line of JSON for each event that an operator may have
// to explain later, such as a refused refresh or a revocation. docs/audit.md describes the lines.
package audit

import "context"

// Names of events.
const (
	RefreshRefused        = "refresh_refused"        // final: 421 or 422
	RefreshDelayed        = "refresh_delayed"        // 503: the token is valid in a moment
	LateReplay            = "late_replay"            // accepted: the answer was lost, or a copy is in use
	Reuse                 = "reuse"                  // a used refresh token came again
	Revocation            = "revocation"             // of one session or of all sessions of an identity
	Administration        = "administration"         // an administrator used an operation
	AdministrationRefused = "administration_refused" // 403
	KeysChanged           = "keys_changed"           // other keys verify or sign
	Alarm                 = "alarm"                  // a promise of the service may not hold
)

// Names returns the names of all events.
func Names() []string {
	return []string{
		RefreshRefused, RefreshDelayed, LateReplay, Reuse, Revocation, Administration,
		AdministrationRefused, KeysChanged, Alarm,
	}
}

// Event is one event. Fields that are not known are left empty, and are then not in the line.
type Event struct {
	Name string
	// Cause is a word that tells apart events of the same name. It comes from a fixed list.
	Cause string
	// Session is the ID of the session in its text form.
	Session  string
	Identity string
	// Generation is that of the refresh token. It counts only if HasGeneration is set: 0 is the
	// login's own token.
	Generation    int64
	HasGeneration bool
	// Actor made the change. For a refresh that was refused because its session is revoked, the
	// actor is that of the revocation.
	Actor  string
	Reason string // of the revocation, free text
	Detail string // for people; it holds no part of a token

	// Complete, if set, adds the fields that only the store knows. It is called with a time limit,
	// and only if the line is written. The request may have been answered by then.
	Complete func(context.Context, *Event)
}

// Request identifies the request during which an event happened.
type Request struct{ Client, ID, Trace string }

// line is an event as it is written. Its fields are the schema of docs/audit.md: new ones may be
// added at the end, none may change.
type line struct {
	Version    int    `json:"audit"`
	Time       string `json:"time"`
	Event      string `json:"event"`
	Cause      string `json:"cause,omitempty"`
	Session    string `json:"session,omitempty"`
	Identity   string `json:"identity,omitempty"`
	Generation *int64 `json:"generation,omitempty"`
	Actor      string `json:"actor,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Detail     string `json:"detail,omitempty"`
	Client     string `json:"client,omitempty"`
	RequestID  string `json:"request_id,omitempty"`
	TraceID    string `json:"trace_id,omitempty"`
	Node       string `json:"node"`
	LeftOut    int    `json:"left_out,omitempty"`
}
