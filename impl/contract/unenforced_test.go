package contract_test

import (
	"bytes"
	"slices"
	"testing"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/tests/server"
)

// TestNoLineOfTheContractIsUnenforced changes one line of the contract at a time and runs the cases by the changed contract.
// A change that the cases do not notice is a line that nothing holds the server to.
func TestNoLineOfTheContractIsUnenforced(t *testing.T) {
	target := contract.Target{URL: server.InProcess(t, server.Options{}), Secret: []byte(server.Secret)}
	if breach := suite(t).Quick().FirstBreach(t.Context(), target); breach != "" {
		t.Fatalf("the contract as it is must be kept first: %s", breach)
	}
	const (
		required = "      required: [refresh_token]\n"
		closed   = "      additionalProperties: false\n"
		nonEmpty = "          minLength: 1\n"
	)
	for _, change := range []struct{ section, name, from, to string }{
		{"RefreshRequest", "minimum higher", "minimum: 10\n", "minimum: 11\n"},
		{"RefreshRequest", "minimum lower", "minimum: 10\n", "minimum: 9\n"},
		{"RefreshRequest", "minimum gone", "          minimum: 10\n", ""},
		{"RefreshRequest", "maximum lower", "maximum: 10080\n          default: 10080\n", "maximum: 10079\n          default: 10079\n"},
		{"RefreshRequest", "maximum higher", "maximum: 10080\n", "maximum: 10081\n"},
		{"RefreshRequest", "maximum gone", "          maximum: 10080\n", ""},
		{"RefreshRequest", "limit required", required, "      required: [refresh_token, limit]\n"},
		{"RefreshRequest", "refresh_token optional", required, ""},
		{"RefreshRequest", "unknown fields allowed", closed, ""},
		{"RefreshRequest", "refresh_token may be empty", nonEmpty, ""},
		{"RefreshRequest", "refresh_token longer", nonEmpty, "          minLength: 10\n"},
		{"RefreshRequest", "refresh_token limited", nonEmpty, "          minLength: 1\n          maxLength: 100\n"},
		{"RefreshRequest", "refresh_token with a pattern", nonEmpty, "          minLength: 1\n          pattern: '^[^.]+[.][^.]+[.][^.]*$'\n"},
		{"RefreshRequest", "limit any number", "type: integer\n          format: int32\n", "type: number\n"},
		{"RefreshRequest", "limit a string", "type: integer\n          format: int32\n          minimum: 10\n          maximum: 10080\n          default: 10080\n", "type: string\n"},
		{"RefreshRequest", "limit may be null", "format: int32\n", "nullable: true\n"},
		{"RevokeRequest", "refresh_token optional", required, ""},
		{"RevokeRequest", "unknown fields allowed", closed, ""},
		{"RevokeRequest", "refresh_token may be empty", nonEmpty, ""},
		{"RevocationRequest", "unknown fields allowed", closed, ""},
		{"RevocationRequest", "identity may be empty", nonEmpty, ""},
		{"RevocationRequest", "session shorter", "minLength: 64\n", "minLength: 63\n"},
		{"RevocationRequest", "session longer", "maxLength: 64\n", "maxLength: 65\n"},
		{"RevocationRequest", "reason shorter", "maxLength: 200\n", "maxLength: 199\n"},
		{"RevocationRequest", "reason longer", "maxLength: 200\n", "maxLength: 201\n"},
		{"RevocationRequest", "identity required", closed, closed + "      required: [identity]\n"},
		{"/api/v1/admin/revocations", "before lower", "format: int64\n            minimum: 1\n", "format: int64\n            minimum: 0\n"},
		{"/api/v1/admin/revocations", "limit lower", "format: int32\n            minimum: 1\n", "format: int32\n            minimum: 0\n"},
		{"/api/v1/admin/revocations", "limit higher", "maximum: 1000\n", "maximum: 1001\n"},
		{"/api/v1/admin/revocations", "limit not so high", "maximum: 1000\n", "maximum: 999\n"},
		{"/api/v1/refresh", "body optional", "        required: true\n", "        required: false\n"},
		{"/api/v1/revoke", "body optional", "        required: true\n", "        required: false\n"},
		{"/api/v1/admin/revocations", "body optional", "        required: true\n", "        required: false\n"},
		{"/api/v1/refresh", "another media type", "          application/json:\n            schema:\n              $ref: '#/components/schemas/RefreshRequest'\n", "          text/plain: {}\n          application/json:\n            schema:\n              $ref: '#/components/schemas/RefreshRequest'\n"},
		{"RefreshedTokens", "expired a string", "type: integer\n          format: int64\n", "type: string\n"},
		{"RefreshedTokens", "another field required", "[access_token, expired]\n", "[access_token, expired, scope]\n"},
		{"Revocation", "another field required", "[sequence, reason, revoked_at]\n", "[sequence, reason, revoked_at, note]\n"},
		{"RevocationPage", "next required", "required: [revocations]\n", "required: [revocations, next]\n"},
		{"ErrorEnvelope", "a fifth field", "[status, message, error, causes]\n", "[status, message, error, causes, code]\n"},
		{"ErrorEnvelope", "causes an object", "type: array\n", "type: object\n"},
		{"/api/v1/refresh", "421 not declared", "        '421':\n          $ref: '#/components/responses/TokenExpired'\n", ""},
		{"/api/v1/refresh", "422 not declared", "        '422':\n          $ref: '#/components/responses/TokenNotValid'\n", ""},
		{"/api/v1/refresh", "413 not declared", "        '413':\n          $ref: '#/components/responses/TooLarge'\n", ""},
		{"/api/v1/refresh", "415 not declared", "        '415':\n          $ref: '#/components/responses/UnsupportedMediaType'\n", ""},
		{"/api/v1/refresh", "400 not declared", "        '400':\n          $ref: '#/components/responses/BadRequest'\n", ""},
		{"/api/v1/revoke", "204 not declared", "        '204':\n          description: The session is revoked.\n", ""},
		{"/api/v1/refresh", "a status that nothing produces", "        '421':\n", "        '409':\n          $ref: '#/components/responses/TokenExpired'\n        '421':\n"},
		{"/api/v1/revoke", "another operation", "    post:\n", "    get:\n      operationId: other\n      responses:\n        '200':\n          description: never asked for\n    post:\n"},
	} {
		t.Run(change.section+" "+change.name, func(t *testing.T) {
			start, end := section(t, change.section)
			if n := bytes.Count(refresh.OpenAPI[start:end], []byte(change.from)); n != 1 {
				t.Fatalf("the line to change is %d times in %s, want once", n, change.section)
			}
			at := start + bytes.Index(refresh.OpenAPI[start:end], []byte(change.from))
			changed, err := contract.New(slices.Concat(refresh.OpenAPI[:at], []byte(change.to), refresh.OpenAPI[at+len(change.from):]))
			if err != nil {
				t.Fatal(err)
			}
			breach := changed.Quick().FirstBreach(t.Context(), target)
			if breach == "" {
				t.Errorf("no case notices it: openapi.yaml line %d is not enforced", bytes.Count(refresh.OpenAPI[:at], []byte("\n"))+1)
			}
			t.Log(breach)
		})
	}
}

// section finds a path or a schema: its first line, and the end of what is indented below it.
func section(t *testing.T, name string) (start, end int) {
	t.Helper()
	for _, indent := range []string{"\n  ", "\n    "} {
		head := indent + name + ":\n"
		if start = bytes.Index(refresh.OpenAPI, []byte(head)); start < 0 {
			continue
		}
		end = start + len(head)
		for bytes.HasPrefix(refresh.OpenAPI[end:], []byte(indent[1:]+" ")) || bytes.HasPrefix(refresh.OpenAPI[end:], []byte("\n")) {
			end += bytes.IndexByte(refresh.OpenAPI[end:], '\n') + 1
		}
		return start, end
	}
	t.Fatalf("openapi.yaml has no %s", name)
	return 0, 0
}
