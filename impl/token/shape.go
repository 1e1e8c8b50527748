package token

import "strings"

// misshapen returns ErrMalformed with the likeliest mistake, for a text that cannot be a token. The
// cause repeats nothing of the text.
func misshapen(raw string) error {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	cause := "a part of it is not base64url: it was changed or cut off"
	switch dots := strings.Count(raw, "."); {
	case raw == "":
		cause = "it is empty"
	case len(raw) > MaxLength:
		cause = "it is longer than 16384 bytes"
	case len(raw) >= len("Bearer ") && strings.EqualFold(raw[:len("Bearer ")], "Bearer "):
		cause = "leave out the word Bearer in front of it"
	case strings.HasPrefix(raw, "{") && !strings.HasPrefix(raw, "{{"):
		cause = "it is a JSON object: send only the text of the token"
	case strings.ContainsAny(raw, `"'`):
		cause = "leave out the quotation marks"
	case raw == "undefined" || raw == "null" || raw == "NaN" || strings.HasPrefix(raw, "[object"):
		cause = "a program sent an empty variable in place of a token"
	case strings.HasPrefix(raw, "$") || strings.HasPrefix(raw, "{{"):
		cause = "the name of a variable was sent in place of its value; " +
			"a shell needs double quotes around the body"
	case strings.ContainsAny(raw, " \t\r\n"):
		cause = "it contains a space or a line break"
	case strings.Trim(raw, alphabet) != "" && strings.ContainsRune(raw, '='):
		cause = "its parts must have no = at the end"
	case dots == 4:
		cause = "it has five parts: encrypted tokens (JWE) are not supported"
	case dots != 2:
		cause = "it must have three parts with a dot between them: it was cut off, or is no JWT"
	}
	return because(ErrMalformed, cause)
}
