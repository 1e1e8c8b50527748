// Package refresh contains the contract of the refresh-token service. The program is cmd/refreshd.
package refresh

import "embed"

//go:generate go tool oapi-codegen -config oapi-config.yaml openapi.yaml
//go:generate go run ./cmd/specgen -o gen/decode.gen.go openapi.yaml

// OpenAPI is openapi.yaml: the contract that the server implements and serves. Package gen is
// generated from it.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Manual is the documentation in Markdown: the folder docs, and the pages beside it.
//
//go:embed docs README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md
var Manual embed.FS
