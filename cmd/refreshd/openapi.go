package main

import (
	"fmt"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/gen"
)

type openAPICmd struct {
	Format string `enum:"yaml,json" default:"yaml" placeholder:"FORMAT" help:"yaml or json."`
}

func (cmd openAPICmd) Run(p *program) error {
	document := refresh.OpenAPI
	if cmd.Format == "json" {
		data, err := gen.GetSpecJSON()
		if err != nil {
			return fmt.Errorf("read the embedded contract: %w", err)
		}
		document = append(data, '\n')
	}
	_, err := p.stdout.Write(document)
	return err
}
