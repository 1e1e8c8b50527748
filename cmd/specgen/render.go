package main

import (
	"bytes"
	_ "embed"
	"go/format"
	"slices"
	"text/template"
)

//go:embed decode.go.tmpl
var decoders string

// render returns the Go source of the decoders.
func render(requests []request) ([]byte, error) {
	parsed, err := template.New(
		"decode.go.tmpl").Funcs(template.FuncMap{"hasForm": hasForm}).Parse(decoders)
	if err != nil {
		return nil, err
	}
	var source bytes.Buffer
	if err := parsed.Execute(&source, requests); err != nil {
		return nil, err
	}
	return format.Source(source.Bytes())
}

func hasForm(requests []request) bool {
	return slices.ContainsFunc(requests, func(r request) bool { return r.Form })
}
