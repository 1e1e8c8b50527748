package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

type sessionCmd struct {
	Show sessionShowCmd `cmd:"" help:"Show the state of a session, and why it ended."`
}

type sessionShowCmd struct {
	ID     string `arg:"" optional:"" placeholder:"ID" help:"The ID of the session."`
	Token  string `placeholder:"-" help:"Show the session of the token on standard input."`
	Format string `enum:"text,json" default:"text" placeholder:"FORMAT" help:"text or json."`
}

// Help adds details to the command's --help.
func (sessionShowCmd) Help() string {
	return `Give the session's ID, as the audit stream has it, or --token=- with a refresh token or an
access token that names its session. Without --rotation the servers keep no list of sessions: then
only a revocation is shown. To tell an idle lifetime from the lifetime of a session, give the command
the settings of the servers.`
}

// sessionReport is a session as it is shown. Times are Unix seconds; the causes are those of the
// audit stream.
type sessionReport struct {
	Session    string `json:"session"`
	Identity   string `json:"identity,omitempty"`
	State      string `json:"state"`
	Cause      string `json:"cause,omitempty"`
	Ended      int64  `json:"ended,omitempty"`
	Actor      string `json:"actor,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Token      string `json:"token,omitempty"`
	Started    int64  `json:"started,omitempty"`
	LastUsed   int64  `json:"last_used,omitempty"`
	Expires    int64  `json:"expires,omitempty"`
	Generation *int64 `json:"generation,omitempty"`
	UserAgent  string `json:"user_agent,omitempty"`
}

// The states of a session.
const (
	stateInForce = "in force"
	stateRevoked = "revoked"
	stateExpired = "expired"
	stateUnknown = "not revoked" // there is no row, and no token that would tell more
)

// Run reads the store that the servers use.
func (cmd sessionShowCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	var id revocation.SessionID
	var t *token.Token
	var verdict error
	var err error
	switch {
	case (cmd.ID == "") == (cmd.Token == ""):
		return usageError("give either the ID of a session or --token=-")
	case cmd.Token != "" && cmd.Token != "-":
		return usageError("--token: must be -; write the token to standard input, " +
			"because arguments are visible in process lists")
	case cmd.ID != "":
		if id, err = revocation.ParseSessionID(cmd.ID); err != nil {
			return usageError("ID: must be 64 lower-case hexadecimal digits")
		}
	default:
		if id, t, verdict, err = readSession(ctx, p, s); err != nil {
			return err
		}
	}
	db, err := existingStore(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	rotation := &session.Rotation{
		Window:          time.Duration(s.RotationWindow),
		IdleLifetime:    time.Duration(s.IdleLifetime),
		SessionLifetime: time.Duration(s.SessionLifetime),
	}
	found, err := session.Describe(ctx, db, id, t, rotation, p.now())
	if err != nil {
		return fmt.Errorf("read the session: %w", err)
	}
	r := reportOf(found, t)
	if verdict != nil {
		r.Token = verdict.Error()
	}
	if cmd.Format == "json" {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "%s\n", text)
		return err
	}
	_, err = fmt.Fprint(p.stdout, r.text(p.now()))
	return err
}

// readSession returns the session of the token on standard input, the token if it is a refresh
// token, and why it cannot be refreshed, if so. It fails if the token's signature does not hold, or
// if it is an access token that names no session.
func readSession(ctx context.Context, p *program, s *service.Settings) (
	id revocation.SessionID, t *token.Token, verdict, err error,
) {
	raw, err := readToken(ctx, p.stdin)
	if err != nil {
		return id, nil, nil, err
	}
	keys, err := s.OpenKeysOnce(ctx, p.now, warnings(p))
	if err != nil {
		return id, nil, nil, err
	}
	v := token.NewVerifier(keys, s.Rules())
	if access, _ := v.Access(raw, p.now()); access != nil {
		id = session.IDOfAccess(access)
		if id == (revocation.SessionID{}) {
			return id, nil, nil, errors.New("the session of the token is not known: it is an " +
				"access token without the claim sid: give the refresh token")
		}
		return id, nil, errors.New("it is an access token"), nil
	}
	t, verdict = v.Refresh(raw, p.now())
	if rejection, ok := errors.AsType[*token.Rejection](verdict); ok && t == nil {
		t = rejection.Token
	}
	if t == nil {
		return id, nil, nil, fmt.Errorf("the session of the token is not known: %w", verdict)
	}
	return session.IDOf(t), t, verdict, nil
}

// reportOf returns the report of a session. t is a token of it, or nil.
func reportOf(d session.Description, t *token.Token) sessionReport {
	r := sessionReport{
		Session:  d.ID.String(),
		Identity: d.Identity,
		State:    stateUnknown,
		Cause:    d.Cause,
		Ended:    d.EndedAt / 1000,
		Actor:    d.By.Actor,
		Reason:   d.By.Reason,
	}
	switch {
	case d.Revoked:
		r.State = stateRevoked
	case d.Cause != "":
		r.State = stateExpired
	case d.Row != nil || t != nil:
		r.State = stateInForce
	}
	if row := d.Row; row != nil {
		r.Started, r.LastUsed, r.Expires = row.StartedAt/1000, row.LastUsedAt/1000, row.ExpiresAt/1000
		r.Generation, r.UserAgent = &row.Generation, row.UserAgent
	} else if t != nil {
		r.Started, _ = t.Issued()
		r.Expires = t.Expires
	}
	return r
}

// text returns the report for people.
func (r sessionReport) text(now time.Time) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Session %s: %s\n", r.Session, r.State)
	row := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&out, "  %-11s  %s\n", label, printable(text))
		}
	}
	at := func(label string, seconds int64) {
		if seconds != 0 {
			when := time.Unix(seconds, 0).UTC()
			row(label, when.Format(timeFormat)+"  ("+relative(when.Sub(now))+")")
		}
	}
	row("identity", r.Identity)
	row("cause", r.Cause)
	at("ended", r.Ended)
	row("by", r.Actor)
	row("reason", r.Reason)
	row("token", r.Token)
	at("started", r.Started)
	at("last used", r.LastUsed)
	if r.State != stateExpired {
		at("expires", r.Expires)
	}
	if r.Generation != nil {
		row("generation", fmt.Sprint(*r.Generation))
	} else {
		row("store", "has no row of this session: rotation is off, the session was never refreshed, "+
			"or its row was removed after it had expired")
	}
	row("user agent", r.UserAgent)
	return out.String()
}
