package contract

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// revocation is the answer to an administrator's revocation.
type revocation struct {
	Sequence  int64  `json:"sequence"`
	Session   string `json:"session"`
	Identity  string `json:"identity"`
	Reason    string `json:"reason"`
	RevokedAt int64  `json:"revoked_at"`
}

// end sends the body of a revocation that must be accepted.
func (r *Run) end(body object) revocation {
	before := r.now()
	a := r.send(createRevocation().request(r, body.String()), ok())
	var out revocation
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &out) != nil {
		return out
	}
	if out.RevokedAt < before-clockSkew || out.RevokedAt > r.now()+clockSkew {
		r.breach("revoked_at must be the time of the revocation", "it is %d", out.RevokedAt)
	}
	return out
}

// endAll revokes all sessions of an identity.
func (r *Run) endAll(identity string) revocation {
	return r.end(object{{"identity", quote(identity)}})
}

func revocationCases() []Case {
	all := slices.Concat(identityCases(), laterCases(), endedCases())
	for _, b := range badRevocations() {
		all = append(all, b.asCase(createRevocation()))
	}
	return all
}

func endedCases() []Case {
	return []Case{
		{
			Name:     "createRevocation/session/any",
			Produces: http.StatusOK,
			Rule:     "A session can be revoked by its ID before any token of it was seen.",
			Run: func(r *Run) {
				id := sessionID(newIdentity())
				if out := r.end(object{{"session", quote(id)}}); out.Session != id ||
					out.Identity != "" {
					r.breach("the answer must tell what was revoked", "it is %+v", out)
				}
			},
		},
		{
			Name:     "createRevocation/session/of a token",
			Level:    LevelExact,
			Produces: http.StatusOK,
			Rule:     "Exactly one session is revoked: issuer, identity and jti make its ID.",
			Run: func(r *Run) {
				s := r.person()
				id := sessionID(r.Issuer, s.identity(), strings.Trim(s.value("jti"), `"`))
				r.end(object{{"session", quote(id)}})
				r.refuses(s)
				r.redeems(s.claim("jti", quote(rand.Text())))
			},
		},
		{
			Name:     "createRevocation/reason/longest",
			Produces: http.StatusOK,
			Rule:     "A reason may have 200 characters, not bytes.",
			Run: func(r *Run) {
				r.end(
					object{
						{"identity", quote(newIdentity())},
						{"reason", quote(strings.Repeat("é", 200))},
					},
				)
			},
		},
	}
}

// sessionID returns refreshd's ID of the session of a token with jti: SHA-256 over issuer, identity
// and jti, each after its length in eight bytes.
func sessionID(parts ...string) string {
	var b []byte
	for _, p := range parts {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(p))), p...)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func badRevocations() []badBody {
	const (
		eitherOr = "the document does not say which fields exclude each other"
		inWords  = "the document states it in words only"
		required = "Either identity or session is required."
		need     = "identity: is required, or session"
		digits   = "A session ID has 64 digits."
	)
	id := strings.Repeat("0123456789abcdef", 4)
	session := func(id string) string { return `{"session":"` + id + `"}` }
	return []badBody{
		bad("neither", required, "{}", need).silently(eitherOr),
		bad("only a reason", required, `{"reason":"x"}`, need).silently(eitherOr),
		bad(
			"both",
			"identity and session exclude each other.",
			`{"identity":"x","session":"`+id+`"}`,
			"identity: must be left out if session is given",
		).silently(eitherOr),
		bad("identity empty", "identity needs a character.", `{"identity":""}`,
			"identity: must have at least 1 character"),
		bad(
			"identity null",
			"identity must be a string.",
			`{"identity":null}`,
			"identity: must not be null",
		),
		bad(
			"identity number",
			"identity must be a string.",
			`{"identity":1}`,
			"identity: must be a string",
		),
		bad("session short", digits, session(id[1:]), "session: must have at least 64 characters"),
		bad("session long", digits, session(id+"0"), "session: must have at most 64 characters"),
		bad(
			"session upper case",
			"A session ID is lower-case hexadecimal.",
			session(strings.ToUpper(id)),
			"session: must be 64 lower-case hexadecimal digits",
		).silently(inWords),
		bad(
			"session null",
			"session must be a string.",
			`{"session":null}`,
			"session: must not be null",
		),
		bad(
			"reason too long",
			"A reason has at most 200 characters.",
			`{"identity":"x","reason":"`+strings.Repeat(
				"é",
				201,
			)+`"}`,
			"reason: must have at most 200 characters",
		),
		bad(
			"reason number",
			"reason must be a string.",
			`{"identity":"x","reason":1}`,
			"reason: must be a string",
		),
	}
}
