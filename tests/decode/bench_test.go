package decode_test

import (
	"testing"

	"kalsel.dev/refresh/gen"
)

func BenchmarkDecode(b *testing.B) {
	body := []byte(`{"refresh_token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE2MTEzMTgyMTksImlkZW50aXR5Ijoid2hvaXMubXVjaGxpc0BnbWFpbC5jb20iLCJpc19hZG1pbiI6dHJ1ZSwianRpIjoiIiwibmFtZSI6IlJlYWwgTXVjaGxpcyJ9.ibIOYkYHpeV5pPRNKSNQ4oCvIjuV4VrT_-4SGCjVqsc","limit":10}`)
	b.Run("generated", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var r gen.RefreshRequest
			if err := r.DecodeStrict(body); err != nil {
				b.Fatal(err)
			}
		}
	})
}
