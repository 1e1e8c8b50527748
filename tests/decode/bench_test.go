package decode_test

import (
	"encoding/json"
	"testing"

	"kalsel.dev/refresh/gen"
)

const sample = `{"refresh_token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE2MTEzMTgyMTksImlkZW50aXR5Ijoid2hvaXMubXVjaGxpc0BnbWFpbC5jb20iLCJpc19hZG1pbiI6dHJ1ZSwianRpIjoiIiwibmFtZSI6IlJlYWwgTXVjaGxpcyJ9.ibIOYkYHpeV5pPRNKSNQ4oCvIjuV4VrT_-4SGCjVqsc","limit":10}`

func BenchmarkDecode(b *testing.B) {
	body := []byte(sample)
	b.Run("generated", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var request gen.RefreshRequest
			if err := request.DecodeStrict(body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("refused", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var request gen.RefreshRequest
			if err := request.DecodeStrict([]byte(`{"limit":9,"foo":1}`)); err == nil {
				b.Fatal("accepted")
			}
		}
	})
	b.Run("kin-openapi and encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		oracle := newContract(b)
		for b.Loop() {
			if offenders := oracle.offenders(b, "RefreshRequest", body); len(offenders) > 0 {
				b.Fatal(offenders)
			}
			var request gen.RefreshRequest
			if err := json.Unmarshal(body, &request); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var request gen.RefreshRequest
			if err := json.Unmarshal(body, &request); err != nil {
				b.Fatal(err)
			}
		}
	})
}
