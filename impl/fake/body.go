package fake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	"kalsel.dev/refresh/impl/problem"
)

const maxBody = 64 << 10

// readJSON reads the body of a control into v. Without a body v stays as it is. If the body is
// invalid, readJSON answers 400 and returns false.
func readJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		badRequest(w, fmt.Sprintf("body: must have at most %d bytes", maxBody))
		return false
	}
	if len(data) == 0 {
		return true
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	if err == nil && len(strings.TrimSpace(string(data[d.InputOffset():]))) > 0 {
		err = &json.SyntaxError{Offset: d.InputOffset() + 1}
	}
	if err != nil {
		badRequest(w, jsonCause(err, v))
		return false
	}
	return true
}

// jsonCause returns the cause for an error of encoding/json, without any name of a Go type.
func jsonCause(err error, v any) string {
	const unknown = `json: unknown field "`
	if name, found := strings.CutPrefix(err.Error(), unknown); found {
		known := strings.Join(fieldNames(v), ", ")
		return strings.TrimSuffix(name, `"`) + ": is unknown, the fields are " + known
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("body: is not valid JSON at byte %d", syntax.Offset)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := wrong.Field
		if field == "" {
			field = "body"
		}
		given, _, _ := strings.Cut(wrong.Value, " ") // "number 1.5"
		article := "a "
		if given == "array" || given == "object" {
			article = "an "
		}
		return field + ": must be " + jsonType(wrong.Type) + ", but is " + article + given
	}
	return "body: is not valid JSON, its end is missing"
}

// jsonType returns the name of the JSON type that fits t.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	}
	return "an object"
}

// fieldNames returns the JSON names of the fields of the struct that v points to.
func fieldNames(v any) []string {
	var names []string
	for field := range reflect.TypeOf(v).Elem().Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func badRequest(w http.ResponseWriter, causes ...string) {
	problem.Write(w, problem.New(http.StatusBadRequest, causes...))
}

func writeJSON(w http.ResponseWriter, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		problem.Write(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(data, '\n')) // an error means that the client has closed the connection
}
