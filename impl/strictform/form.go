// Package strictform reads the form of a request body (application/x-www-form-urlencoded) as OAuth
// 2.0 demands (RFC 6749, section 3.2). The decoders that cmd/specgen generates call it.
package strictform

import (
	"net/url"
	"slices"
	"strconv"
	"unicode/utf8"

	"kalsel.dev/refresh/impl/strictjson"
)

// Form is a form, and collects its faults. Parameters that are not read are ignored.
type Form struct {
	values url.Values
	causes []string
}

// Parse reads a form. If it cannot be parsed, Err says so, and every parameter is absent.
func Parse(data []byte) *Form {
	f := &Form{}
	switch values, err := url.ParseQuery(string(data)); {
	case !utf8.Valid(data):
		f.causes = []string{"body: is not valid UTF-8"}
	case err != nil:
		f.causes = []string{"body: must be name=value pairs with & between them; " +
			"write % as %25 and ; as %3B"}
	default:
		f.values = values
	}
	return f
}

// Optional returns the value of a parameter of least to most characters, or nil if it is absent. An
// empty value counts as absent. A parameter that is sent twice is a fault.
func (f *Form) Optional(name string, least, most int) *string {
	sent := f.values[name]
	if len(sent) > 1 {
		f.causes = append(f.causes, name+": must be sent once")
		return nil
	}
	if len(sent) == 0 || sent[0] == "" {
		return nil
	}
	value := sent[0]
	switch length := utf8.RuneCountInString(value); {
	case !utf8.ValidString(value):
		f.causes = append(f.causes, name+": is not valid UTF-8")
	case length < least:
		f.causes = append(f.causes, name+": must have at least "+strconv.Itoa(least)+" characters")
	case length > most:
		f.causes = append(f.causes, name+": must have at most "+strconv.Itoa(most)+" characters")
	default:
		return &value
	}
	return nil
}

// Required returns the value of a parameter as Optional does. Its absence is a fault.
func (f *Form) Required(name string, least, most int) string {
	faults := len(f.causes)
	value := f.Optional(name, least, most)
	switch {
	case value != nil:
		return *value
	case f.values != nil && len(f.causes) == faults:
		f.causes = append(f.causes, name+": is required")
	}
	return ""
}

// Err returns nil if the form has no fault, else an [*strictjson.InvalidBody].
func (f *Form) Err() error {
	if len(f.causes) == 0 {
		return nil
	}
	return &strictjson.InvalidBody{Causes: slices.Clip(f.causes)}
}
