// Command specgen writes the strict decoders of the request bodies that an OpenAPI document
// declares: JSON and forms.
//
//	specgen -o gen/decode.gen.go openapi.yaml
//
// The decoders enforce every keyword of the request schemas. A keyword that specgen cannot enforce
// makes it fail with the keyword and its place in the document.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("specgen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("o", "decode.gen.go", "`file` to write")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("specgen: want one OpenAPI document, got %d arguments", flags.NArg())
	}

	spec, err := os.ReadFile(flags.Arg(0))
	if err != nil {
		return err
	}
	source, err := generate(flags.Arg(0), spec)
	if err != nil {
		return err
	}
	return os.WriteFile(*out, source, 0o644)
}

// generate returns the Go source of the decoders for spec, which was read from file.
func generate(file string, spec []byte) ([]byte, error) {
	requests, err := readRequests(file, spec)
	if err != nil {
		return nil, err
	}
	return render(requests)
}
