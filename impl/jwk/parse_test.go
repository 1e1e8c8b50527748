package jwk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/MicahParks/jwkset"

	"kalsel.dev/refresh/impl/jwk"
)

// everyKey is a set of one key of each algorithm, named after it.
func everyKey(t testing.TB, file string) *jwk.Set {
	data, err := os.ReadFile(filepath.Join("testdata", file))
	must(t, data, err)
	set, err := jwk.ParseSet(data, false)
	return must(t, set, err)
}

func TestGenerateKey(t *testing.T) {
	for _, alg := range []string{"HS256", "HS384", "HS512", "PS256", "ES256", "ES384", "EdDSA"} {
		key, err := jwk.GenerateKey(alg, "id of "+alg)
		must(t, key, err)
		signature, err := key.AppendSignature(nil, []byte("input"))
		if !key.Verify([]byte("input"), must(t, signature, err)) ||
			key.Verify([]byte("other"), signature) {
			t.Errorf("%s: the key does not verify its own signature alone", alg)
		}
		if key.ID() != "id of "+alg || key.Algorithm() != alg || !key.CanSign() {
			t.Errorf("%s: got %q of %s", alg, key.ID(), key.Algorithm())
		}
	}
	if _, err := jwk.GenerateKey("none", ""); err == nil {
		t.Error("a key for none")
	}
}

func TestKeySetSurvivesItsFile(t *testing.T) {
	set := everyKey(t, "keys.json")
	file, err := set.MarshalPrivate()
	must(t, file, err)
	again, err := jwk.ParseSet(file, false)
	must(t, again, err)
	second, err := again.MarshalPrivate()
	if must(t, string(second), err) != string(file) {
		t.Error("the set changes when it is read and written")
	}
	for i, key := range set.All() {
		signature, err := key.AppendSignature(nil, []byte("input"))
		if same := again.All()[i]; same.ID() != key.ID() ||
			!same.Verify([]byte("input"), must(t, signature, err)) {
			t.Errorf("%s is read as another key", key.ID())
		}
	}
}

// TestJWKSetAgreesWithTheEcosystem: the JWK Set library for golang-jwt reads the same keys from a
// set that this package wrote.
func TestJWKSetAgreesWithTheEcosystem(t *testing.T) {
	set := everyKey(t, "keys.json")
	file, err := set.MarshalPublic(now())
	must(t, file, err)
	var written jwkset.JWKSMarshal
	if err := json.Unmarshal(file, &written); err != nil {
		t.Fatal(err)
	}
	store, err := written.ToStorage()
	must(t, store, err)
	for _, key := range set.All() {
		got, err := store.KeyRead(context.Background(), key.ID())
		if key.Symmetric() {
			if err == nil {
				t.Errorf("%s: a secret is published", key.ID())
			}
			continue
		}
		must(t, got, err)
		if !reflect.DeepEqual(got.Key(), key.Public()) ||
			got.Marshal().ALG.String() != key.Algorithm() {
			t.Errorf("%s: read as another key", key.ID())
		}
	}
}

func TestPublicSetHoldsNoSecret(t *testing.T) {
	set := everyKey(t, "keys.json")
	expired, err := set.All()[9].WithTimes(0, now().Unix())
	must(t, expired, err)
	future, err := set.All()[8].WithTimes(now().Unix()+60, now().Unix()+3600)
	must(t, future, err)
	file, err := keySet(t, set.All()[0], future, expired).MarshalPublic(now())
	must(t, file, err)
	var got struct{ Keys []map[string]any }
	if err := json.Unmarshal(file, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Keys) != 1 || got.Keys[0]["kid"] != "ES384" ||
		got.Keys[0]["nbf"] != float64(now().Unix()+60) ||
		got.Keys[0]["exp"] != float64(now().Unix()+3600) {
		t.Fatalf("got %s", file)
	}
	for _, secret := range []string{"d", "k", "p", "q", "dp", "dq", "qi"} {
		if _, found := got.Keys[0][secret]; found {
			t.Errorf("published: %s", secret)
		}
	}
}

func TestParseSetTimesAndMarks(t *testing.T) {
	set, err := jwk.ParseSet(fmt.Appendf(
		nil,
		`{"keys":[{"kty":"oct","alg":"HS256","kid":"","k":%q,"nbf":100,"exp":200.5,"x-note":{"a":1}}],"more":[]}`,
		encode(secret),
	), false)
	key := must(t, set, err).All()[0]
	if key.ID() != "" || key.NotBefore() != 100 || key.Expires() != 200 || !key.CanSign() {
		t.Errorf("got %q %d %d", key.ID(), key.NotBefore(), key.Expires())
	}
	set, err = jwk.ParseSet(fmt.Appendf(
		nil,
		`{"keys":[{"kty":"oct","alg":"HS256","kid":"a","k":%q,"key_ops":["verify"]}]}`,
		encode(secret),
	), false)
	if key := must(t, set, err).All()[0]; key.CanSign() {
		t.Error("a key for verifying alone can sign")
	}
}

func TestParseSetRefuses(t *testing.T) {
	oct := func(members string) string {
		return fmt.Sprintf(
			`{"keys":[{"kty":"oct","alg":"HS256","kid":"a","k":%q%s}]}`,
			encode(secret),
			members,
		)
	}
	for name, c := range map[string]struct{ file, want string }{
		"nothing":              {``, "not a JSON object"},
		"a PEM file":           {"-----BEGIN PRIVATE KEY-----", "not a JSON object"},
		"no keys":              {`{}`, `no array "keys"`},
		"keys an object":       {`{"keys":{}}`, `no array "keys"`},
		"empty keys":           {`{"keys":[]}`, "has no key"},
		"keys twice":           {`{"keys":[],"keys":[]}`, "not strict JSON"},
		"trailing data":        {oct("") + "x", "not strict JSON"},
		"a key that is a text": {`{"keys":["x"]}`, "key 1 of the set: it is not a JSON object"},
		"a member twice":       {oct(`,"kid":"b"`), "not strict JSON"},
		"Exp":                  {oct(`,"Exp":1`), "member Exp"},
		"a kid twice": {oct(
			`},{"kty":"oct","alg":"HS256","kid":"a","k":"` + encode(secret) + `"`),
			`"a" appears more than once`},
		"no alg": {`{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}`,
			"alg is missing"},
		"no kid": {`{"keys":[{"kty":"oct","alg":"HS256","k":"AAAA"}]}`,
			"kid is missing"},
		"no kty": {`{"keys":[{"alg":"HS256","kid":"a","k":"AAAA"}]}`,
			`kty "" is not supported`},
		"an encryption key": {oct(`,"use":"enc"`), "use is not sig"},
		"other key_ops":     {oct(`,"key_ops":["wrapKey"]`), "key_ops"},
		"key_ops a string":  {oct(`,"key_ops":"sign"`), "member key_ops"},
		"exp a string":      {oct(`,"exp":"1"`), "member exp"},
		"nbf negative":      {oct(`,"nbf":-1`), "member nbf"},
		"a short secret": {`{"keys":[{"kty":"oct","alg":"HS256","kid":"a","k":"AAAA"}]}`,
			"3 bytes"},
		"k padded": {`{"keys":[{"kty":"oct","alg":"HS256","kid":"a","k":"` + encode(
			secret) + `="}]}`, "member k"},
		"k with a line break": {`{"keys":[{"kty":"oct","alg":"HS256","kid":"a","k":"` + encode(
			secret) + `\n"}]}`, "member k"},
		"alg of another type":   {strings.Replace(oct(""), "HS256", "RS256", 1), "does not suit"},
		"alg none":              {strings.Replace(oct(""), "HS256", "none", 1), "not supported"},
		"EC on another curve":   {`{"keys":[{"kty":"EC","alg":"ES256","kid":"a","crv":"P-521","x":"AAAA","y":"AAAA"}]}`, "curve"},
		"EC point of no length": {`{"keys":[{"kty":"EC","alg":"ES256","kid":"a","crv":"P-256","x":"AAAA","y":"AAAA"}]}`, "32 bytes"},
		"EC point off the curve": {`{"keys":[{"kty":"EC","alg":"ES256","kid":"a","crv":"P-256","x":"` + encode(strings.Repeat("a", 32)) +
			`","y":"` + encode(strings.Repeat("b", 32)) + `"}]}`, "not on its curve"},
		"X25519": {`{"keys":[{"kty":"OKP","alg":"EdDSA","kid":"a","crv":"X25519","x":"AAAA"}]}`,
			"curve"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jwk.ParseSet([]byte(c.file), false)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// entry is one key of the set as JSON.
func entry(t testing.TB, set *jwk.Set, id string) map[string]any {
	file, err := set.MarshalPrivate()
	must(t, file, err)
	var all struct{ Keys []map[string]any }
	if err := json.Unmarshal(file, &all); err != nil {
		t.Fatal(err)
	}
	for _, key := range all.Keys {
		if key["kid"] == id {
			return key
		}
	}
	t.Fatal("no key", id)
	return nil
}

func jsonOf(t testing.TB, v any) string {
	data, err := json.Marshal(v)
	return string(must(t, data, err))
}

// FuzzParseSet: no key file causes a panic, and an accepted set survives being written and read.
func FuzzParseSet(f *testing.F) {
	f.Add(
		[]byte(
			`{"keys":[{"kty":"oct","alg":"HS256","kid":"","k":"` + encode(
				secret,
			) + `","nbf":1,"exp":2e9}]}`,
		),
	)
	for _, file := range []string{"keys.json", "other_keys.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", file))
		f.Add(must(f, data, err))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := jwk.ParseSet(data, false)
		if err != nil {
			return
		}
		file, err := set.MarshalPrivate()
		must(t, file, err)
		again, err := jwk.ParseSet(file, false)
		must(t, again, err)
		second, err := again.MarshalPrivate()
		if must(t, string(second), err) != string(file) {
			t.Fatalf("changes when it is read and written:\n%s\n%s", file, second)
		}
	})
}
