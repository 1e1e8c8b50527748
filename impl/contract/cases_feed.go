package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

const feedPath = "/api/v1/revocations"

// feed is the body of a 200 of the feed.
type feed struct {
	Epoch       string
	Head, Next  int64
	Revocations []struct {
		Sequence     int64
		Session      string
		IdentityHash string `json:"identity_hash"`
		Before       int64
	}
}

func needsFeed(t Target) string {
	return reason(t.reader(true) == nil, "no API credential for the feed is given")
}

func needsNoFeed(t Target) string {
	return reason(len(t.Credentials) > 0, "the deployment has a feed")
}

func needsOtherReader(t Target) string {
	return reason(t.reader(false) == nil, "no API credential without the scope feed is given")
}

// reader returns a credential that may read the feed, or one that may not; nil if there is none.
func (t Target) reader(reads bool) *Credential {
	for i := range t.Credentials {
		if t.Credentials[i].Reads == reads {
			return &t.Credentials[i]
		}
	}
	return nil
}

func (r *Run) feedRequest(query string) Request {
	one := r.reader(true)
	return Request{Method: http.MethodGet, Path: feedPath + "?" + query, Header: http.Header{}}.
		as(basic(one.Name, one.Secret))
}

// follow reads the feed from a sequence to its end.
func (r *Run) follow(after int64) (all feed) {
	all.Next = after
	for range 1000 {
		var page feed
		a := r.send(r.feedRequest(fmt.Sprintf("after=%d&limit=10000", all.Next)), ok())
		if a.Status != http.StatusOK || json.Unmarshal(a.Body, &page) != nil {
			return all
		}
		page.Revocations = append(all.Revocations, page.Revocations...)
		if all = page; page.Next == page.Head {
			return all
		}
	}
	r.breach("next must reach head", "it does not in 1000 pages")
	return all
}

func feedCases() []Case {
	add := func(name, rule string, produces int, left func(Target) string, run func(r *Run)) Case {
		return Case{Name: "readFeed/" + name, Rule: rule, Left: left, Produces: produces, Run: run}
	}
	off := add("off/names the setting", "Without API credentials the feed is 501.",
		http.StatusNotImplemented, needsNoFeed, func(r *Run) {
			r.send(Request{Method: http.MethodGet, Path: feedPath}, notEnabled())
		})
	cases := []Case{
		add("answer/entries", "A revocation is in the feed when its answer has arrived.",
			http.StatusOK, needsFeed, (*Run).revocationsInFeed),
		add("answer/wait", "A request that waits is answered when there is a new entry.",
			http.StatusOK, needsFeed, func(r *Run) {
				at := r.follow(0)
				r.revoke(r.person().sign())
				query := fmt.Sprintf("after=%d&wait=30&epoch=%s", at.Next, at.Epoch)
				var page feed
				a := r.send(r.feedRequest(query), ok())
				if json.Unmarshal(a.Body, &page) != nil || len(page.Revocations) == 0 {
					r.breach("the answer must have the new entry", "%s", excerpt(a.Body))
				}
			}),
		add("answer/wait for nothing", "Without a new entry the answer comes when the time is over.",
			http.StatusOK, needsFeed, func(r *Run) {
				r.send(r.feedRequest(fmt.Sprintf("after=%d&wait=1", r.follow(0).Next)), ok())
			}),
		add("reset", "Another epoch, and a feed that is shorter than after, are 409.",
			http.StatusConflict, needsFeed, func(r *Run) {
				at := r.follow(0)
				for query, cause := range map[string]string{
					"epoch=a": "epoch: is not that of the feed: read it again with after=0 and without epoch",
					fmt.Sprintf("after=%d&epoch=%s", at.Head+1_000_000, at.Epoch): "after: is beyond the end of " +
						"the feed: read it again with after=0 and without epoch",
				} {
					r.send(r.feedRequest(query), Want{
						Status:  http.StatusConflict,
						Kind:    "feed_reset",
						Message: "The feed begins anew",
						Causes:  []string{cause},
					})
				}
			}),
		add("refused/parameters", "Parameters out of their range are 400.", http.StatusBadRequest,
			needsFeed, func(r *Run) {
				for query, cause := range map[string]string{
					"after=-1":    "after: must be at least 0",
					"limit=0":     "limit: must be from 1 to 10000",
					"limit=10001": "limit: must be from 1 to 10000",
					"wait=-1":     "wait: must be from 0 to 30",
					"wait=31":     "wait: must be from 0 to 30",
					"epoch=":      "epoch: must not be empty",
				} {
					r.send(r.feedRequest(query), badRequest(cause))
				}
			}),
		add("credential/missing or wrong", "Without a credential the answer is 401.",
			http.StatusUnauthorized, needsFeed, func(r *Run) {
				for _, q := range []Request{
					{Method: http.MethodGet, Path: feedPath},
					r.feedRequest("").as("Bearer " + r.administrator().sign()),
				} {
					want := unauthorized("Authorization: must be Basic with the name and the secret of an API " +
						"credential, or Bearer with the secret")
					want.Message = "API credential is missing or not valid"
					r.send(q, want)
				}
			}),
		add("credential/without the scope", "A credential without the scope feed is 403.",
			http.StatusForbidden, needsOtherReader, func(r *Run) {
				one := r.reader(false)
				q := Request{Method: http.MethodGet, Path: feedPath, Header: http.Header{}}
				r.send(q.as(basic(one.Name, one.Secret)),
					forbidden("the API credential does not have the scope feed"))
			}),
	}
	for _, c := range failures("readFeed", func(r *Run) Request { return r.feedRequest("") }) {
		c.Left = needsFeed
		cases = append(cases, c)
	}
	return append(cases, off)
}

// revocationsInFeed revokes a session and an identity, and finds both in the feed.
func (r *Run) revocationsInFeed() {
	at, identity := r.follow(0), newIdentity()
	s := r.person()
	access := s.sign()
	r.revoke(access)
	r.send(createRevocation().request(r, object{{"identity", quote(identity)}}.String()), ok())
	sum := sha256.Sum256([]byte(identity))
	session, cutoff := false, false
	last := at.Next
	for _, one := range r.follow(at.Next).Revocations {
		if one.Sequence <= last {
			r.breach("the entries must be in the order of their sequences", "%d follows %d",
				one.Sequence, last)
		}
		last = one.Sequence
		session = session || len(one.Session) == 64 && strings.Trim(one.Session, "0123456789abcdef") == ""
		cutoff = cutoff || one.IdentityHash == hex.EncodeToString(sum[:]) && one.Before > 0
	}
	if !session || !cutoff {
		r.breach("the feed must have each revocation", "session: %t, identity: %t", session, cutoff)
	}
}
