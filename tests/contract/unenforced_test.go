package contract_test

import (
	"bytes"
	"fmt"
	"testing"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/tests/contract"
	"kalsel.dev/refresh/tests/deploy"
)

// TestNoLineOfTheContractIsUnenforced changes one line of the contract at a time and runs the cases by the changed contract.
// A change that the cases do not notice is a line that nothing holds the server to.
func TestNoLineOfTheContractIsUnenforced(t *testing.T) {
	target := contract.Target{URL: deploy.InProcess(t, deploy.Options{}), Secret: []byte(deploy.Secret)}
	if report := suite(t).Run(t.Context(), target); !report.Kept() {
		t.Fatalf("the contract as it is must be kept first: %s", firstBreach(report))
	}
	for _, change := range []struct{ name, from, to string }{
		{"minimum higher", "          minimum: 10\n", "          minimum: 11\n"},
		{"minimum lower", "          minimum: 10\n", "          minimum: 9\n"},
		{"minimum gone", "          minimum: 10\n", ""},
		{"maximum lower", "          maximum: 10080\n          default: 10080\n", "          maximum: 10079\n          default: 10079\n"},
		{"maximum higher", "          maximum: 10080\n", "          maximum: 10081\n"},
		{"maximum gone", "          maximum: 10080\n", ""},
		{"limit required", "      required: [refresh_token]\n", "      required: [refresh_token, limit]\n"},
		{"refresh_token optional", "      required: [refresh_token]\n", ""},
		{"unknown fields allowed", "      additionalProperties: false\n      required: [refresh_token]\n", "      required: [refresh_token]\n"},
		{"refresh_token may be empty", "          minLength: 1\n", ""},
		{"refresh_token longer", "          minLength: 1\n", "          minLength: 10\n"},
		{"limit any number", "          type: integer\n          format: int32\n          minimum: 10\n", "          type: number\n          minimum: 10\n"},
		{"limit a string", "          type: integer\n          format: int32\n          minimum: 10\n          maximum: 10080\n          default: 10080\n", "          type: string\n"},
		{"limit may be null", "          format: int32\n          minimum: 10\n", "          nullable: true\n          minimum: 10\n"},
		{"body optional", "        required: true\n        description: The refresh token and,", "        required: false\n        description: The refresh token and,"},
		{"another media type", "        content:\n          application/json:\n            schema:\n              $ref: '#/components/schemas/RefreshRequest'", "        content:\n          text/plain: {}\n          application/json:\n            schema:\n              $ref: '#/components/schemas/RefreshRequest'"},
		{"expired a string", "          type: integer\n          format: int64\n", "          type: string\n"},
		{"a third field in the answer", "      required: [access_token, expired]\n", "      required: [access_token, expired, scope]\n"},
		{"a fifth field in errors", "      required: [status, message, error, causes]\n", "      required: [status, message, error, causes, code]\n"},
		{"causes a string", "          type: array\n", "          type: object\n"},
		{"421 not declared", "        '421':\n          $ref: '#/components/responses/TokenExpired'\n", ""},
		{"422 not declared", "        '422':\n          $ref: '#/components/responses/TokenNotValid'\n", ""},
		{"413 not declared", "        '413':\n          $ref: '#/components/responses/TooLarge'\n", ""},
		{"415 not declared", "        '415':\n          $ref: '#/components/responses/UnsupportedMediaType'\n", ""},
		{"400 not declared", "        '400':\n          $ref: '#/components/responses/BadRequest'\n", ""},
		{"a status that nothing produces", "        '421':\n", "        '409':\n          $ref: '#/components/responses/TokenExpired'\n        '421':\n"},
		{"another operation", "  /api/v1/refresh:\n", "  /api/v1/other:\n    get:\n      operationId: other\n      responses:\n        '200':\n          description: never asked for\n  /api/v1/refresh:\n"},
	} {
		t.Run(change.name, func(t *testing.T) {
			if n := bytes.Count(refresh.OpenAPI, []byte(change.from)); n != 1 {
				t.Fatalf("the line to change is %d times in openapi.yaml, want once", n)
			}
			changed, err := contract.New(bytes.Replace(refresh.OpenAPI, []byte(change.from), []byte(change.to), 1))
			if err != nil {
				t.Fatal(err)
			}
			report := changed.Run(t.Context(), target)
			if report.Kept() {
				t.Errorf("no case notices it: openapi.yaml line %d is not enforced", lineOf(change.from))
			}
			t.Log(firstBreach(report))
		})
	}
}

func lineOf(text string) int {
	before, _, _ := bytes.Cut(refresh.OpenAPI, []byte(text))
	return bytes.Count(before, []byte("\n")) + 1
}

func firstBreach(report *contract.Report) string {
	for _, result := range report.Results {
		if len(result.Breaches) > 0 {
			return fmt.Sprintf("noticed by %s: %s", result.Name, result.Breaches[0])
		}
	}
	for _, covered := range report.Coverage {
		if breach := covered.Breach(); breach != "" {
			return "noticed: " + breach
		}
	}
	return ""
}
