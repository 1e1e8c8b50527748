// Package caller tells the code behind the edge which client sent a request, and under which IDs
// the request can be followed. It imports nothing of ours, so that every package may use it.
package caller

import (
	"context"
	"net/netip"
)

// Caller describes the client of one request.
type Caller struct {
	// Address is the client's address. Proxies of --trusted-proxies are looked through. It is the
	// zero Addr if the server does not know the address.
	Address netip.Addr
	// RequestID is the X-Request-Id of the answer.
	RequestID string
	// TraceID is the trace ID of a valid traceparent (W3C Trace Context), or "".
	TraceID string

	traceFlags string
}

// Caller implements Source, so that a Caller can outlive its request in another context.
func (c Caller) Caller() Caller { return c }

// Source describes the caller of the request that is being answered.
type Source interface{ Caller() Caller }

type key struct{}

// With returns ctx with the source of the request's caller.
func With(ctx context.Context, s Source) context.Context {
	return context.WithValue(ctx, key{}, s)
}

// SourceOf returns the source in ctx, or nil.
func SourceOf(ctx context.Context) Source {
	s, _ := ctx.Value(key{}).(Source)
	return s
}

// Of returns the caller of the request that ctx belongs to, and the zero Caller outside a request.
// Call it while the request is being answered: later, the connection may serve another request.
func Of(ctx context.Context) Caller {
	if s := SourceOf(ctx); s != nil {
		return s.Caller()
	}
	return Caller{}
}
