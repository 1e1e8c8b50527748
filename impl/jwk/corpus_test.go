package jwk_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/jwk"
)

// publicMembers returns the members of the public half, or of the secret, of a key of keys.json.
func publicMembers(t *testing.T, id string) string {
	key := entry(t, everyKey(t, "keys.json"), id)
	for _, name := range []string{"kid", "alg", "use", "d", "p", "q", "dp", "dq", "qi"} {
		delete(key, name)
	}
	data, err := json.Marshal(key)
	return strings.Trim(must(t, string(data), err), "{}")
}

func TestCorpusOfIssuersSets(t *testing.T) {
	material := strings.NewReplacer(
		"$RSA",
		publicMembers(t, "RS256"),
		"$N",
		publicModulus(t),
		"$P256",
		publicMembers(t, "ES256"),
		"$P384",
		publicMembers(t, "ES384"),
		"$ED25519",
		publicMembers(t, "EdDSA"),
		"$SECRET",
		publicMembers(t, "HS256"),
	)
	data, err := os.ReadFile(filepath.Join("testdata", "corpus", "issuer.txt"))
	for _, c := range strings.Split(strings.TrimSpace(must(t, string(data), err)), "\n\n")[1:] {
		lines := strings.Split(c, "\n")
		t.Run(strings.TrimPrefix(lines[0], "# "), func(t *testing.T) {
			var entries, want []string
			for _, line := range lines[2:] {
				if strings.HasPrefix(line, "{") {
					entries = append(entries, material.Replace(line))
				} else {
					want = append(want, line)
				}
			}
			algorithm := strings.TrimPrefix(lines[1], "-")
			keys, leftOut, err := jwk.ParseIssuerKeys(
				[]byte(`{"keys":[`+strings.Join(entries, ",")+`]}`),
				algorithm,
			)
			var got []string
			if err != nil {
				reason, _, _ := strings.Cut(err.Error(), "\n")
				got = append(got, "refused: "+reason)
			}
			for _, key := range keys {
				got = append(got, "used: "+key.ID()+" "+key.Algorithm())
			}
			for _, reason := range leftOut {
				got = append(got, "left out: "+reason.Error())
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func publicModulus(t *testing.T) string {
	n, _ := entry(t, everyKey(t, "keys.json"), "RS256")["n"].(string)
	return `"` + n + `"`
}
