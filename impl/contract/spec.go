package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

// operationStatus is an operation and a status that it declares.
type operationStatus struct {
	operation string
	status    int
}

// coverage counts answers.
type coverage map[operationStatus]int

func newSpec(document []byte) (*spec, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, err
	}
	doc.Servers = nil // paths count from Target.URL
	// The linter of the contract checks the examples.
	router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation())
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
	options.WithCustomSchemaErrorFunc(withoutValue)
	s := &spec{doc: doc, router: router, options: options, envelope: envelope.Value}
	return s, errors.Join(s.checkErrors(), s.checkRequired(), checkTypes(document))
}

// withoutValue words a departure. The library's own text quotes the value, which may be a token.
func withoutValue(e *openapi3.SchemaError) string {
	return strings.Join(e.JSONPointer(), ".") + ": " + e.Reason
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

// exchange is a request and its answer, as the document sees them.
type exchange struct {
	spec   *spec
	input  *openapi3filter.RequestValidationInput
	answer Answer
}

// find returns nil if the document has no operation for the request.
func (s *spec) find(ctx context.Context, q Request, a Answer) *exchange {
	at := "http://contract.invalid" + q.Path
	r, err := http.NewRequestWithContext(ctx, q.Method, at, bytes.NewReader(q.Body))
	if err != nil {
		return nil
	}
	r.Header = q.Header.Clone()
	route, params, err := s.router.FindRoute(r)
	if err != nil {
		return nil
	}
	input := &openapi3filter.RequestValidationInput{
		Request:    r,
		PathParams: params,
		Route:      route,
		Options:    s.options,
	}
	return &exchange{s, input, a}
}

func (e *exchange) operation() string { return e.input.Route.Operation.OperationID }

// request returns an error that tells how the request departs from the document.
func (e *exchange) request(ctx context.Context) error {
	return openapi3filter.ValidateRequest(ctx, e.input)
}

// response returns the departures of the answer from the document, its status included.
func (e *exchange) response(ctx context.Context) []string {
	if e.declared() == nil {
		return []string{
			fmt.Sprintf("status %d is not declared for %s", e.answer.Status, e.operation()),
		}
	}
	return departures(openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: e.input,
		Status:                 e.answer.Status,
		Header:                 e.answer.Header,
		Body:                   io.NopCloser(bytes.NewReader(e.answer.Body)),
		Options:                e.spec.options,
	}))
}

// declared returns the answer's status in the document, or nil.
func (e *exchange) declared() *openapi3.Response {
	if r := e.input.Route.Operation.Responses.Status(e.answer.Status); r != nil {
		return r.Value
	}
	return nil
}

// departures takes an error of the library apart.
func departures(err error) []string {
	if err == nil {
		return nil
	}
	many, ok := errors.AsType[openapi3.MultiError](err)
	if !ok {
		return []string{err.Error()}
	}
	var all []string
	for _, one := range many {
		all = append(all, departures(one)...)
	}
	return all
}

// security returns the breach if the answer does not fit the operation's security: 401 to a request
// without Authorization if the operation requires it, unless it is off, and never 401 otherwise.
func (e *exchange) security() string {
	required := e.spec.doc.Security
	if own := e.input.Route.Operation.Security; own != nil {
		required = *own
	}
	if _, err := url.ParseQuery(e.input.Request.URL.RawQuery); err != nil {
		return "" // a malformed query is rejected before anything else
	}
	// An empty alternative makes the others optional: only a header that is wrong is a 401.
	optional := slices.ContainsFunc(
		required,
		func(r openapi3.SecurityRequirement) bool { return len(r) == 0 },
	)
	_, sent := e.input.Request.Header["Authorization"]
	required = slices.DeleteFunc(slices.Clone(required), e.byCookie)
	if optional && (len(required) == 1 || !sent) {
		required = nil
	}
	unauthorized := e.answer.Status == http.StatusUnauthorized
	switch {
	case len(required) == 0 && unauthorized:
		return "an operation without security must never answer 401"
	case len(required) > 0 && !optional && !unauthorized &&
		e.answer.Status != http.StatusNotImplemented &&
		e.input.Request.Header.Get("Authorization") == "":
		return "an operation with security must answer 401 to a request without Authorization"
	}
	return ""
}

// byCookie reports whether a requirement is a cookie: a request without it is never a 401.
func (e *exchange) byCookie(requirement openapi3.SecurityRequirement) bool {
	for name := range requirement {
		if scheme := e.spec.doc.Components.SecuritySchemes[name]; scheme.Value.In == "cookie" {
			return true
		}
	}
	return false
}

// checkEnvelope returns how a decoded body departs from the schema of the error envelope.
func (s *spec) checkEnvelope(body any) []string {
	return departures(s.envelope.VisitJSON(body, openapi3.MultiErrors(),
		openapi3.SetSchemaErrorMessageCustomizer(withoutValue)))
}
