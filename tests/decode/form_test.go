package decode_test

import (
	"bytes"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"kalsel.dev/refresh/gen"
)

const formType = "application/x-www-form-urlencoded"

// formDecoder is the method that specgen generates for forms.
type formDecoder interface {
	DecodeForm(data []byte) error
}

// formDecoders returns an empty request for each schema of a form in openapi.yaml.
func formDecoders() map[string]func() formDecoder {
	return map[string]func() formDecoder{
		"OAuthIntrospectRequest": func() formDecoder { return new(gen.OAuthIntrospectRequest) },
		"OAuthRevokeRequest":     func() formDecoder { return new(gen.OAuthRevokeRequest) },
		"OAuthTokenRequest":      func() formDecoder { return new(gen.OAuthTokenRequest) },
	}
}

// TestEveryFormIsChecked fails when openapi.yaml has a form that these tests do not know.
func TestEveryFormIsChecked(t *testing.T) {
	var known []string
	for name := range formDecoders() {
		known = append(known, name)
	}
	slices.Sort(known)
	if names := newContract(t).bodiesOf(formType); !slices.Equal(names, known) {
		t.Errorf("forms of openapi.yaml: %q; known here: %q", names, known)
	}
}

// FuzzFormAgainstSpec gives the same bytes to the generated decoders of forms and to kin-openapi.
func FuzzFormAgainstSpec(f *testing.F) {
	for _, seed := range []string{
		"grant_type=refresh_token&refresh_token=a.b.c&scope=&client_id=web",
		"grant_type=&refresh_token=a", "token=a&token=b", "token=%C3%A9&x=%FF", "token=a;b",
		"token=%",
		"token=a+b&=c&d", "",
	} {
		f.Add([]byte(seed))
	}
	oracle := newContract(f)
	f.Fuzz(func(t *testing.T, form []byte) { oracle.compareForm(t, form) })
}

// TestFormAgainstSpec is the same for forms that are put together from parameters.
func TestFormAgainstSpec(t *testing.T) {
	oracle := newContract(t)
	names := []string{"foo", "", "gr%61nt_type", "GRANT_TYPE", "tok%65n"}
	for _, name := range oracle.bodiesOf(formType) {
		for property := range oracle.schema(name).Properties {
			names = append(names, property, property)
		}
	}
	values := []string{"=a", "=", "", "=%C3%A9", "=a+b", "=a=b", "=%00", "=%FF", "=%", "=\xff",
		"=a;b"}
	rapid.Check(t, func(r *rapid.T) {
		var parts []string
		for range rapid.IntRange(0, 5).Draw(r, "parameters") {
			parts = append(parts, rapid.SampledFrom(names).Draw(r, "name")+
				rapid.SampledFrom(values).Draw(r, "value"))
		}
		oracle.compareForm(t, []byte(strings.Join(parts, "&")))
	})
}

// compareForm checks that decoder and contract agree on a form. On purpose the decoder refuses more:
// a known parameter that is sent twice, and text that is no UTF-8.
func (c *contract) compareForm(t testing.TB, form []byte) {
	t.Helper()
	for name, newRequest := range formDecoders() {
		request := newRequest()
		err := request.DecodeForm(bytes.Clone(form))
		offenders := c.offenders(t, name, form)
		if err == nil {
			if len(offenders) > 0 {
				t.Fatalf("%s: %q: the contract blames %s, the decoder accepts it", name, form,
					offenders)
			}
			c.compareValues(t, name, form, request)
			continue
		}
		if !reflect.DeepEqual(request, newRequest()) {
			t.Fatalf("%s: %q: the decoder refused it and left %+v", name, form, request)
		}
		if len(offenders) == 0 && !c.stricterForm(name, form) {
			t.Fatalf("%s: %q: the contract accepts it, the decoder says %q", name, form,
				causes(err))
		}
	}
}

// stricterForm reports that the decoder refuses a form on purpose.
func (c *contract) stricterForm(name string, form []byte) bool {
	values, err := url.ParseQuery(string(form))
	if err != nil || !utf8.Valid(form) {
		return true
	}
	for property := range c.schema(name).Properties {
		sent := values[property]
		if len(sent) > 1 || len(sent) == 1 && !utf8.ValidString(sent[0]) {
			return true
		}
	}
	return false
}

// compareValues checks the values of an accepted form.
func (c *contract) compareValues(t testing.TB, name string, form []byte, request formDecoder) {
	t.Helper()
	values, err := url.ParseQuery(string(form))
	if err != nil {
		t.Fatalf("%s: %q was accepted: %v", name, form, err)
	}
	decoded := reflect.ValueOf(request).Elem()
	for i := range decoded.NumField() {
		property, _, _ := strings.Cut(decoded.Type().Field(i).Tag.Get("json"), ",")
		got := ""
		switch value := decoded.Field(i).Interface().(type) {
		case string:
			got = value
		case *string:
			if value != nil {
				got = *value
			}
			if value != nil && *value == "" {
				t.Fatalf("%s: %q: an empty %s is not absent", name, form, property)
			}
		}
		if got != values.Get(property) {
			t.Fatalf("%s: %q: %s is %q", name, form, property, got)
		}
	}
}
