package main

import (
	"bytes"
	_ "embed"
	"go/format"
	"text/template"
)

//go:embed decode.go.tmpl
var decoders string

// render returns the Go source of the decoders.
func render(requests []request) ([]byte, error) {
	parsed, err := template.New("decode.go.tmpl").Parse(decoders)
	if err != nil {
		return nil, err
	}
	var source bytes.Buffer
	if err := parsed.Execute(&source, requests); err != nil {
		return nil, err
	}
	return format.Source(source.Bytes())
}
