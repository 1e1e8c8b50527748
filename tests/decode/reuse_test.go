package decode_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"kalsel.dev/refresh/gen"
)

func TestDataMayBeReused(t *testing.T) {
	data := []byte(`{"refresh_token":"a.b.c","limit":10}`)
	before := string(data)
	var r gen.RefreshRequest
	if err := r.DecodeStrict(data); err != nil {
		t.Fatal(err)
	}
	if string(data) != before {
		t.Errorf("the decoder changed its input to %q", data)
	}
	for i := range data {
		data[i] = 'x'
	}
	if r.RefreshToken != "a.b.c" || *r.Limit != 10 {
		t.Errorf("the request changed with the data: %+v", r)
	}

	bad := []byte(`{"foo":1}`)
	err := r.DecodeStrict(bad)
	copy(bad, `{"bar":1}`)
	if got := causes(err); got[0] != "foo: is not known" {
		t.Errorf("the causes changed with the data: %q", got)
	}
}

// TestBodiesDoNotMix decodes good and bad bodies at the same time: they share tokenizers, one after the other.
func TestBodiesDoNotMix(t *testing.T) {
	bodies := map[string][]string{
		`{"refresh_token":"a"}`:         nil,
		`{"refresh_token":"a","limit":`: {notJSON + "; it ends too early (byte 30)"},
		strings.Repeat("[", 5000): {
			notJSON + "; it ends too early (byte 5001)",
		},
		`{"refresh_token":"a","foo":[[[[{"a":[]}]]]]}`: {"foo: is not known"},
		`{"limit":1}`: {
			"limit: must be at least 10",
			"refresh_token: is required",
		},
		``: {"body: is empty"},
		`{"refresh_token":"a","limit":100} {"limit":1}`: {"body: has data after the JSON value"},
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 200 {
				for body, want := range bodies {
					if got := causes(
						new(gen.RefreshRequest).DecodeStrict([]byte(body))); !slices.Equal(
						got,
						want,
					) {
						t.Errorf("%.40s: got %q, want %q", body, got, want)
					}
				}
			}
		})
	}
	wait.Wait()
}
