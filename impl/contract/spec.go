package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// spec checks requests and answers against the OpenAPI document.
type spec struct {
	doc      *openapi3.T
	router   routers.Router
	options  *openapi3filter.Options
	envelope *openapi3.Schema
}

// operationStatus is an operation with one status that it answers.
type operationStatus struct {
	operation string
	status    int
}

type coverage map[operationStatus]int

func newSpec(document []byte) (*spec, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, err
	}
	doc.Servers = nil                                                          // paths count from Target.URL, wherever that is
	router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation()) // the linter of the contract does that
	if err != nil {
		return nil, err
	}
	envelope := doc.Components.Schemas["ErrorEnvelope"]
	if envelope == nil {
		return nil, errors.New("the document has no schema ErrorEnvelope")
	}
	options := &openapi3filter.Options{
		IncludeResponseStatus: true,
		MultiError:            true,
		SkipSettingDefaults:   true,
		AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
	}
	// The library's own text quotes the value, and here values are tokens.
	options.WithCustomSchemaErrorFunc(func(e *openapi3.SchemaError) string {
		return strings.Join(e.JSONPointer(), ".") + ": " + e.Reason
	})
	return &spec{doc: doc, router: router, options: options, envelope: envelope.Value}, nil
}

// declared lists every status of every operation, in a stable order.
func (s *spec) declared() []operationStatus {
	var all []operationStatus
	for _, item := range s.doc.Paths.Map() {
		for _, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				if n, err := strconv.Atoi(status); err == nil {
					all = append(all, operationStatus{operation.OperationID, n})
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b operationStatus) int {
		if c := strings.Compare(a.operation, b.operation); c != 0 {
			return c
		}
		return a.status - b.status
	})
	return all
}

// exchange is one request with its answer, as the document sees it.
type exchange struct {
	spec   *spec
	input  *openapi3filter.RequestValidationInput
	answer Answer
}

// find returns nil if the document has no operation for the request.
func (s *spec) find(ctx context.Context, q Request, a Answer) *exchange {
	r, err := http.NewRequestWithContext(ctx, q.Method, "http://contract.invalid"+q.Path, bytes.NewReader(q.Body))
	if err != nil {
		return nil
	}
	r.Header = q.Header.Clone()
	route, params, err := s.router.FindRoute(r)
	if err != nil {
		return nil
	}
	return &exchange{spec: s, answer: a, input: &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route, Options: s.options,
	}}
}

func (e *exchange) operation() string { return e.input.Route.Operation.OperationID }

// request reports how the request departs from the document.
func (e *exchange) request(ctx context.Context) error {
	return openapi3filter.ValidateRequest(ctx, e.input)
}

// response reports how the answer departs from the document, its status included.
func (e *exchange) response(ctx context.Context) error {
	if e.input.Route.Operation.Responses.Status(e.answer.Status) == nil {
		return fmt.Errorf("status %d is not declared for %s", e.answer.Status, e.operation())
	}
	return openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: e.input,
		Status:                 e.answer.Status,
		Header:                 e.answer.Header,
		Body:                   io.NopCloser(bytes.NewReader(e.answer.Body)),
		Options:                e.spec.options,
	})
}

// checkEnvelope reports how a decoded body departs from the schema of the error envelope.
func (s *spec) checkEnvelope(body any) error {
	return s.envelope.VisitJSON(body, openapi3.MultiErrors(), openapi3.SetSchemaErrorMessageCustomizer(func(e *openapi3.SchemaError) string {
		return strings.Join(e.JSONPointer(), ".") + ": " + e.Reason
	}))
}
