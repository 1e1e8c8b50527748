package contract

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

func keysCases() []Case {
	return []Case{
		{
			Name:     "getJwks/keys/public halves",
			Produces: http.StatusOK,
			Rule:     "Published keys verify and never sign: no secret, no private member.",
			Run:      func(r *Run) { r.hasNoSecret(r.send(keysRequest(), ok())) },
		},
		{
			Name:     "getJwks/keys/a secret",
			Level:    LevelExact,
			Left:     needsSecret,
			Produces: http.StatusOK,
			Rule:     "A server that signs with a secret publishes an empty set.",
			Run: func(r *Run) {
				a := r.send(keysRequest(), ok())
				var set struct{ Keys []json.RawMessage }
				if json.Unmarshal(a.Body, &set) != nil || set.Keys == nil || len(set.Keys) != 0 {
					r.breach(
						"the set of a server with a secret must be empty",
						"%s",
						excerpt(a.Body),
					)
				}
			},
		},
		{
			Name:     "getJwks/keys/of access tokens",
			Left:     needsKeyPair,
			Produces: http.StatusOK,
			Rule: "The set has the key of every access token that is not signed with a secret: kid, alg, " +
				"use sig, and the members of its type.",
			Run: (*Run).publishesKeys,
		},
		{
			Name:     "getJwks/cache/for anybody",
			Produces: http.StatusOK,
			Rule:     "Every cache may keep the keys for a limited time.",
			Run:      func(r *Run) { r.isCacheable(r.send(keysRequest(), ok())) },
		},
		{
			Name:     "getJwks/cache/not modified",
			Produces: http.StatusNotModified,
			Rule:     "If the caller has the current set, the answer is 304 without a body.",
			Run: func(r *Run) {
				etag := r.send(keysRequest(), ok()).Header.Get("ETag")
				weak := "W/" + strings.TrimPrefix(etag, "W/")
				for _, known := range []string{etag, weak, `"another", ` + etag, "*"} {
					a := r.send(keysRequest(known), Want{Status: http.StatusNotModified})
					r.isCacheable(a)
					if len(a.Body) > 0 {
						r.breach("a 304 must have no body", "%s", excerpt(a.Body))
					}
				}
				r.send(keysRequest(`"another"`), ok())
			},
		},
		{
			Name:     "getJwks/parameter/If-None-Match twice",
			Produces: http.StatusBadRequest,
			Rule:     "If-None-Match may be sent once.",
			Run: func(r *Run) {
				want := badRequest().silently("a document cannot forbid that a header is repeated")
				r.send(keysRequest(`"one"`, `"two"`), want)
			},
		},
	}
}

type publishedSet struct{ Keys []map[string]any }

// published returns the set of an answer.
func (r *Run) published(a Answer) publishedSet {
	var set publishedSet
	if err := json.Unmarshal(a.Body, &set); err != nil {
		r.breach("the keys must be a JWK Set", "%v", err)
	}
	return set
}

func (r *Run) hasNoSecret(a Answer) {
	for i, key := range r.published(a).Keys {
		kty, _ := key["kty"].(string)
		if !slices.Contains([]string{"RSA", "EC", "OKP"}, kty) {
			r.breach("every published key must have kty RSA, EC or OKP", "key %d has %q", i, kty)
		}
		for _, private := range []string{"d", "k", "p", "q", "dp", "dq", "qi", "oth"} {
			if _, found := key[private]; found {
				r.breach("a published key must have no private member", "key %d has %q", i, private)
			}
		}
	}
}

func (r *Run) publishesKeys() {
	set := r.published(r.send(keysRequest(), ok()))
	_, o, granted := r.granted(bodyWith(r.sketch().sign(), "10"))
	if !granted || strings.HasPrefix(o.alg, "HS") {
		return
	}
	members := map[string][]string{"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}}
	for _, key := range set.Keys {
		if id, _ := key["kid"].(string); id != o.kid {
			continue
		}
		if key["alg"] != o.alg || key["use"] != "sig" {
			r.breach("a published key must have the alg of its tokens and use sig",
				"it has alg %v and use %v, the token has alg %q", key["alg"], key["use"], o.alg)
		}
		kty, _ := key["kty"].(string)
		for _, name := range members[kty] {
			if text, _ := key[name].(string); text == "" {
				r.breach("a published key must have the members of its type", "%q is missing", name)
			}
		}
		if !o.genuine {
			r.breach("an access_token must verify with the published key", "it does not")
		}
		return
	}
	r.breach("the key of an access_token must be published", "kid %q is not", o.kid)
}

func (r *Run) isCacheable(a Answer) {
	control := a.Header.Get("Cache-Control")
	if !strings.Contains(control, "public") || !strings.Contains(control, "max-age=") {
		r.breach("the Cache-Control of the keys must have public and max-age", "it is %q", control)
	}
	if etag := a.Header.Get("ETag"); !strings.HasSuffix(etag, `"`) || len(etag) < 3 {
		r.breach("the keys must have an ETag", "it is %q", etag)
	}
}
