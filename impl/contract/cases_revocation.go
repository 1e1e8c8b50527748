package contract

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// revocation is what an administrator's revocation answers.
type revocation struct {
	Sequence  int64  `json:"sequence"`
	Session   string `json:"session"`
	Identity  string `json:"identity"`
	Reason    string `json:"reason"`
	RevokedAt int64  `json:"revoked_at"`
}

// end sends the body of a revocation that must be accepted.
func (r *Run) end(body object) revocation {
	before := time.Now().Unix()
	a := r.Send(createRevocation().request(r, body.String()), Want{Status: http.StatusOK})
	var out revocation
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &out) != nil {
		return out
	}
	if out.RevokedAt < before-clockSkew || out.RevokedAt > time.Now().Unix()+clockSkew {
		r.Breach("revoked_at is %d, want the time of the revocation", out.RevokedAt)
	}
	return out
}

func revocationCases() []Case {
	all := slices.Concat(identityCases(), endedCases())
	for _, b := range badRevocations() {
		all = append(all, b.asCase(createRevocation()))
	}
	return all
}

func identityCases() []Case {
	return []Case{
		{
			Name: "createRevocation/identity/all sessions end", Produces: http.StatusOK,
			Rule: "Once the answer has come, no refresh token of the identity that was issued up to then is accepted; those of others are.",
			Run: func(r *Run) {
				who := quote(somebody())
				first, second := r.sketch().claim("identity", who).sign(), r.sketch().claim("identity", who).claim("jti", `"2"`).sign()
				r.granted(bodyWith(first, "10"))
				out := r.end(object{{"identity", who}, {"reason", quote("ünïcode 🔑")}})
				if quote(out.Identity) != who || out.Reason != "ünïcode 🔑" || out.Session != "" || out.Sequence < 1 {
					r.Breach("the answer does not say what was ended: %+v", out)
				}
				r.Send(refreshRequest(bodyWith(first, "10")), revoked())
				r.Send(refreshRequest(bodyWith(second, "10")), revoked())
				r.granted(bodyWith(r.sketch().sign(), "10"))
			},
		},
		{
			Name: "createRevocation/identity/new login", Produces: http.StatusOK,
			Rule: "Whoever logs in after the revocation is accepted.",
			Run: func(r *Run) {
				who := quote(somebody())
				r.end(object{{"identity", who}})
				// Ahead, within the leeway for clocks: a revocation holds for the whole second.
				r.granted(bodyWith(r.sketch().claim("identity", who).claim("iat", number(time.Now().Unix()+30)).sign(), "10"))
			},
		},
		{
			Name: "createRevocation/identity/without iat", Exact: true,
			Rule: "A token that does not tell when it was issued counts as older than any revocation of its identity.",
			Run: func(r *Run) {
				who := quote(somebody())
				r.end(object{{"identity", who}})
				a := r.Send(refreshRequest(bodyWith(r.sketch().claim("identity", who).without("iat").sign(), "10")), Want{
					Status: http.StatusUnprocessableEntity, Kind: "jwt_error",
				})
				if causes := a.Envelope().Causes; len(causes) != 1 || !strings.Contains(causes[0], "REFRESH_TOKEN_LIFETIME") {
					r.Breach("the cause does not name the setting that helps")
				}
			},
		},
	}
}

func endedCases() []Case {
	return []Case{
		{
			Name: "createRevocation/session/any", Produces: http.StatusOK,
			Rule: "A session can be ended by its ID, whether or not a token of it was ever seen.",
			Run: func(r *Run) {
				id := strings.Repeat("0123456789abcdef", 4)
				if out := r.end(object{{"session", quote(id)}}); out.Session != id || out.Identity != "" {
					r.Breach("the answer does not say what was ended: %+v", out)
				}
			},
		},
		{
			Name: "createRevocation/reason/longest", Produces: http.StatusOK,
			Rule: "A reason of 200 characters, not bytes, is accepted.",
			Run: func(r *Run) {
				r.end(object{{"identity", quote(somebody())}, {"reason", quote(strings.Repeat("é", 200))}})
			},
		},
	}
}

func badRevocations() []badBody {
	const eitherOr = "the document does not say which fields exclude each other"
	hex := strings.Repeat("0123456789abcdef", 4)
	return []badBody{
		{name: "neither", rule: "Either identity or session is required.", body: "{}", causes: []string{"identity: is required, or session"}, silent: eitherOr},
		{name: "only a reason", rule: "Either identity or session is required.", body: `{"reason":"x"}`, causes: []string{"identity: is required, or session"}, silent: eitherOr},
		{name: "both", rule: "identity and session exclude each other.", body: `{"identity":"x","session":"` + hex + `"}`, causes: []string{"identity: must be left out if session is given"}, silent: eitherOr},
		{name: "identity empty", rule: "identity needs a character.", body: `{"identity":""}`, causes: []string{"identity: must have at least 1 character"}},
		{name: "identity null", rule: "identity must be a string.", body: `{"identity":null}`, causes: []string{"identity: must not be null"}},
		{name: "identity number", rule: "identity must be a string.", body: `{"identity":1}`, causes: []string{"identity: must be a string"}},
		{name: "session short", rule: "A session ID has 64 digits.", body: `{"session":"` + hex[1:] + `"}`, causes: []string{"session: must have at least 64 characters"}},
		{name: "session long", rule: "A session ID has 64 digits.", body: `{"session":"` + hex + `0"}`, causes: []string{"session: must have at most 64 characters"}},
		{name: "session upper case", rule: "A session ID is lower-case hexadecimal.", body: `{"session":"` + strings.ToUpper(hex) + `"}`, causes: []string{"session: must be 64 lower-case hexadecimal digits"}, silent: "the document says it in words only"},
		{name: "session null", rule: "session must be a string.", body: `{"session":null}`, causes: []string{"session: must not be null"}},
		{name: "reason too long", rule: "A reason has at most 200 characters.", body: `{"identity":"x","reason":"` + strings.Repeat("é", 201) + `"}`, causes: []string{"reason: must have at most 200 characters"}},
		{name: "reason number", rule: "reason must be a string.", body: `{"identity":"x","reason":1}`, causes: []string{"reason: must be a string"}},
	}
}

// list is a request for the list of revocations, with this query.
func (r *Run) list(query string) Request {
	q := Request{Method: http.MethodGet, Path: revocationsPath, Header: http.Header{"Authorization": {"Bearer " + r.administrator().sign()}}}
	if query != "" {
		q.Path += "?" + query
	}
	return q
}

type page struct {
	Revocations []revocation `json:"revocations"`
	Next        *int64       `json:"next"`
}

func (r *Run) listed(query string) page {
	a := r.Send(r.list(query), Want{Status: http.StatusOK})
	var p page
	if a.Status == http.StatusOK && json.Unmarshal(a.Body, &p) != nil {
		r.Breach("the page cannot be read")
	}
	return p
}

func listCases() []Case {
	all := []Case{
		{
			Name: "listRevocations/page/newest first", Produces: http.StatusOK,
			Rule: "The newest revocation comes first, and next leads to the page after.",
			Run: func(r *Run) {
				first, second := quote(somebody()), quote(somebody())
				older, newer := r.end(object{{"identity", first}}), r.end(object{{"identity", second}})
				if newer.Sequence <= older.Sequence {
					r.Breach("the later revocation has sequence %d, the earlier one %d", newer.Sequence, older.Sequence)
				}
				p := r.listed("limit=1&before=" + number(newer.Sequence+1))
				if len(p.Revocations) != 1 || p.Revocations[0].Sequence != newer.Sequence || p.Next == nil {
					r.Breach("the page should hold the newest revocation and lead on")
					return
				}
				p = r.listed("before=" + number(*p.Next))
				if !slices.ContainsFunc(p.Revocations, func(o revocation) bool { return o.Sequence == older.Sequence }) {
					r.Breach("the page after does not hold the earlier revocation")
				}
			},
		},
		{
			Name: "listRevocations/page/logout", Produces: http.StatusOK,
			Rule: "A logout is listed with its session and the reason logout.",
			Run: func(r *Run) {
				r.revoke(r.sketch().sign())
				p := r.listed("")
				if !slices.ContainsFunc(p.Revocations, func(o revocation) bool { return len(o.Session) == 64 && o.Reason == "logout" }) {
					r.Breach("no logout is listed")
				}
			},
		},
		{
			Name: "listRevocations/page/largest", Produces: http.StatusOK, Rule: "A page may have up to 1000 revocations.",
			Run: func(r *Run) { r.listed("limit=1000&before=9007199254740992") },
		},
		{
			Name: "listRevocations/page/nothing left", Produces: http.StatusOK, Rule: "Before the first revocation there is an empty page without next.",
			Run: func(r *Run) {
				a := r.Send(r.list("before=1"), Want{Status: http.StatusOK})
				if strings.TrimSpace(string(a.Body)) != `{"revocations":[]}` {
					r.Breach("the page is not empty")
				}
			},
		},
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=-1", "limit=ten", "limit=10.5", "limit=4294967297", "before=0", "before=-1", "before=x"} {
		all = append(all, Case{
			Name: "listRevocations/parameter/" + query, Rule: "A parameter out of its range is refused.", Produces: http.StatusBadRequest,
			Run: func(r *Run) {
				r.Send(r.list(query), Want{Status: http.StatusBadRequest, Kind: "bad_request", Message: "Request is not valid"})
			},
		})
	}
	return all
}
