package contract

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// opened is an access token of an answer.
type opened struct {
	claims   map[string]any
	alg, kid string
	// genuine says that the signature was verified, with the secret or with the published keys.
	genuine bool
}

var errNoToken = errors.New("it is not a JWT")

// openRefresh decodes a refresh token as open does, with the keys of refresh tokens.
func (r *Run) openRefresh(raw string) (opened, error) {
	of := *r
	of.AccessSecret = nil
	return of.open(raw)
}

// open decodes an access token and verifies its signature if the key is known.
func (r *Run) open(raw string) (opened, error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return opened{}, errNoToken
	}
	header, headerErr := base64.RawURLEncoding.DecodeString(parts[0])
	claims, claimsErr := base64.RawURLEncoding.DecodeString(parts[1])
	signature, signatureErr := base64.RawURLEncoding.DecodeString(parts[2])
	if errors.Join(headerErr, claimsErr, signatureErr) != nil {
		return opened{}, errNoToken
	}
	var head struct{ Alg, Kid string }
	o := opened{}
	decoder := json.NewDecoder(bytes.NewReader(claims))
	decoder.UseNumber()
	if json.Unmarshal(header, &head) != nil || decoder.Decode(&o.claims) != nil {
		return opened{}, errNoToken
	}
	o.alg, o.kid = head.Alg, head.Kid
	r.login().read(o.claims)
	for _, k := range r.verifiers(head.Alg) {
		if k.id != head.Kid || k.algorithm != head.Alg {
			continue
		}
		if err := k.method(head.Alg).Verify(parts[0]+"."+parts[1], signature, k.public); err != nil {
			return o, fmt.Errorf("its signature is not valid under the key %q", head.Kid)
		}
		o.genuine = true
	}
	return o, nil
}

// verifiers returns the keys that verify access tokens with an algorithm: those of the target, and
// the published ones, which are never secrets.
func (r *Run) verifiers(algorithm string) []Key {
	if r.AccessSecret != nil {
		return []Key{secretKey(r.AccessSecret)}
	}
	keys := slices.Clone(r.Keys)
	if strings.HasPrefix(algorithm, "HS") {
		return keys
	}
	if a, err := r.exchange(keysRequest()); err == nil && a.Status == http.StatusOK {
		if published, err := parseSet(a.Body); err == nil {
			keys = append(keys, published...)
		}
	}
	return keys
}

// number returns a claim that must be a whole number.
func (o opened) number(name string) (int64, error) {
	n, ok := o.claims[name].(json.Number)
	if !ok {
		return 0, fmt.Errorf("claim %s is not a number", name)
	}
	return strconv.ParseInt(n.String(), 10, 64)
}

// text returns a claim that must be a string; "" if it is none.
func (o opened) text(name string) string {
	s, _ := o.claims[name].(string)
	return s
}
