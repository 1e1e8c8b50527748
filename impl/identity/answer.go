package identity

import (
	"mime"
	"net/http"
	"strconv"

	"kalsel.dev/refresh/impl/strictjson"
)

// verdict is the meaning of an answer.
type verdict uint8

const (
	updated    verdict = iota // 200: the claims of the user
	notAllowed                // 403: this client is logged out
	gone                      // 404 and 410: there is no such user any more
)

// answer is an answer of the user service.
type answer struct {
	verdict verdict
	claims  []byte // of updated, a JSON object
}

// read reads an answer with the status 200, 403, 404 or 410. Unless it is a JSON object, it is no
// answer of the user service: proxies and web servers send pages with these statuses.
func read(response *http.Response, data []byte, identity string) (answer, error) {
	code := strconv.Itoa(response.StatusCode)
	switch {
	case !isJSON(response.Header["Content-Type"]):
		return answer{}, unusable("it answered " + code + " without Content-Type: application/json")
	case len(data) > maxAnswer:
		return answer{}, unusable("its answer is larger than 64 KiB")
	}
	var a answer
	var json strictjson.Reader
	if json.Open(data) != nil {
		return a, unusable("it answered " + code + " without a JSON object")
	}
	defer json.Close()
	isText, named := true, identity // also if the answer names no identity
	for json.Next() {
		switch string(json.Name) {
		case "identity":
			switch json.Value.Kind() {
			case 'n': // null
			case '"':
				text, _ := strictjson.Unquote(json.Value) // the reader has checked it
				named = string(text)
			default:
				isText = false
			}
		case "claims":
			a.claims = json.Value
		}
	}
	if json.Err() != nil {
		return answer{}, unusable("it answered " + code + " with JSON that RFC 7493 forbids")
	}
	switch {
	case !isText:
		return answer{}, unusable("identity must be a string in its answer")
	case named != identity:
		return answer{}, &failure{
			reason: otherIdentity,
			text:   "its answer is about another identity",
			final:  true,
		}
	case response.StatusCode == http.StatusForbidden:
		return answer{verdict: notAllowed}, nil
	case response.StatusCode != http.StatusOK:
		return answer{verdict: gone}, nil
	case len(a.claims) == 0 || a.claims[0] != '{':
		return answer{}, unusable("claims must be an object in its answer")
	}
	return a, nil
}

// isJSON reports whether the values of the field Content-Type are the one application/json.
func isJSON(contentTypes []string) bool {
	if len(contentTypes) != 1 {
		return false
	}
	mediaType, _, err := mime.ParseMediaType(contentTypes[0])
	return err == nil && mediaType == "application/json"
}

func unusable(text string) error { return &failure{reason: invalid, text: text} }
