package caller

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

const (
	zeroTrace = "00000000000000000000000000000000"
	zeroSpan  = "0000000000000000"
)

// WithTrace returns c with the trace of a traceparent header, if the header is valid (W3C Trace
// Context, section 3.2). Later versions may append fields; version 00 may not.
func (c Caller) WithTrace(header string) Caller {
	const length = len("00-") + len(zeroTrace) + len("-") + len(zeroSpan) + len("-00")
	if len(header) < length {
		return c
	}
	version, rest, more := header[:2], header[2:length], header[length:]
	trace, span, flags := rest[1:33], rest[34:50], rest[51:53]
	switch {
	case rest[0] != '-' || rest[33] != '-' || rest[50] != '-':
	case !isHex(version) || !isHex(trace) || !isHex(span) || !isHex(flags):
	case version == "ff" || trace == zeroTrace || span == zeroSpan:
	case more != "" && (version == "00" || more[0] != '-'):
	default:
		c.TraceID, c.traceFlags = trace, flags
	}
	return c
}

// Traceparent returns the header for a call that this service makes on behalf of the request, with
// a new span ID. It is "" if the request has no trace.
func (c Caller) Traceparent() string {
	if c.TraceID == "" {
		return ""
	}
	// Only the flag "sampled" has a meaning in version 00.
	sampled := "00"
	if strings.IndexByte("13579bdf", c.traceFlags[1]) >= 0 {
		sampled = "01"
	}
	return fmt.Sprintf("00-%s-%016x-%s", c.TraceID, rand.Uint64()|1, sampled)
}

// isHex reports whether s consists of lower-case hexadecimal digits.
func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdef") == "" }
