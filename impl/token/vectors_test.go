package token_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

// vector is a published key and token. The tokens of RFC 7515 have no identity and that of RFC 8037
// no claims at all, so a verifier that has accepted the signature names that fault; one changed bit
// of the signature names another.
type vector struct {
	name, key, raw string
	want           error
}

const joe = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

func vectors() []vector {
	return []vector{
		{
			"RFC 7515 A.1, HS256",
			`{"kty":"oct","alg":"HS256","kid":"","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`,
			"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + joe +
				".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
			token.ErrNoIdentity,
		},
		{
			"RFC 7515 A.2, RS256",
			`{"kty":"RSA","alg":"RS256","kid":"","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2m` +
				`JPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQO` +
				`S-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9` +
				`gb54h4FRWyuXpoQ"}`,
			"eyJhbGciOiJSUzI1NiJ9." + joe +
				".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F" +
				"p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn" +
				"6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ" +
				"Ge77Rw",
			token.ErrNoIdentity,
		},
		{
			"RFC 7515 A.3, ES256",
			`{"kty":"EC","alg":"ES256","kid":"","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`,
			"eyJhbGciOiJFUzI1NiJ9." + joe +
				".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
			token.ErrNoIdentity,
		},
		{
			"RFC 8037 A.4, EdDSA",
			`{"kty":"OKP","alg":"EdDSA","kid":"","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc." +
				"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
			token.ErrMalformed,
		},
	}
}

func TestPublishedVectors(t *testing.T) {
	for _, c := range vectors() {
		t.Run(c.name, func(t *testing.T) {
			keys, err := jwk.ParseSet(fmt.Appendf(nil, `{"keys":[%s]}`, c.key), false)
			v := token.NewVerifier(must(t, keys, err), token.Rules{})
			got, err := v.Refresh(c.raw, time.Unix(1_300_000_000, 0))
			wantFault(t, got, err, c.want)
			changed := strings.LastIndexByte(c.raw, '.') + 10
			got, err = v.Refresh(c.raw[:changed]+flip(c.raw[changed])+c.raw[changed+1:], now())
			wantFault(t, got, err, token.ErrSignature)
		})
	}
}

// flip is another character of the alphabet.
func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}
