package api

import (
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/impl/problem"
)

// maxBody is the size of the largest request body, in bytes (user's limit of a request: 16 KiB).
const maxBody = 16 << 10

// jsonDecoder and formDecoder are the decoders that specgen generates for the request bodies of the
// contract: one of the two for each body.
type (
	jsonDecoder interface{ DecodeStrict(data []byte) error }
	formDecoder interface{ DecodeForm(data []byte) error }
)

// binder hands request bodies to their generated decoders. It is echo's binder, so the generated
// strict handlers call it and need no change.
type binder struct {
	buffers sync.Pool // of *[]byte with maxBody+1 bytes
}

func newBinder() *binder {
	return &binder{buffers: sync.Pool{New: func() any {
		b := make([]byte, maxBody+1)
		return &b
	}}}
}

// Bind implements echo.Binder. It reads the body alone, never the query.
func (b *binder) Bind(into any, c echo.Context) error {
	media := echo.MIMEApplicationJSON
	asJSON, isJSON := into.(jsonDecoder)
	asForm, isForm := into.(formDecoder)
	switch {
	case isForm:
		media = echo.MIMEApplicationForm
	case !isJSON:
		return errors.New("no decoder was generated for this request body")
	}
	r := c.Request()
	types := r.Header[echo.HeaderContentType]
	if len(types) != 1 || types[0] != media { // most callers send exactly this
		if cause := mediaTypeCause(media, types); cause != "" {
			return problem.New(http.StatusUnsupportedMediaType, cause)
		}
	}
	for _, coding := range r.Header[echo.HeaderContentEncoding] {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return problem.New(http.StatusUnsupportedMediaType,
				"Content-Encoding: must be absent; send the body as it is")
		}
	}
	if r.ContentLength > maxBody {
		return errTooLarge()
	}
	buf := b.buffers.Get().(*[]byte)
	defer b.buffers.Put(buf)
	n, err := readBody(r.Body, *buf)
	if err != nil {
		return err
	}
	if isForm {
		return asForm.DecodeForm((*buf)[:n])
	}
	return asJSON.DecodeStrict((*buf)[:n])
}

// mediaTypeCause returns the cause for a Content-Type other than want, or "". The only parameter may
// be charset=utf-8. Of two header fields a proxy in front may have looked at either one.
func mediaTypeCause(want string, types []string) string {
	must := "Content-Type: must be " + want
	switch len(types) {
	case 0:
		return must
	case 1:
	default:
		return "Content-Type: must be sent once"
	}
	media, parameters, err := mime.ParseMediaType(types[0])
	if media != want {
		return must
	}
	if err != nil {
		return must + "; its parameters cannot be read"
	}
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		switch {
		case name == "charset" && strings.EqualFold(parameters[name], "utf-8"):
		case name == "charset":
			return must + "; its charset can only be utf-8"
		case len(name) > 16: // longer than any that is in use: it is not repeated
			return must + "; it can have no parameter but charset"
		default:
			return must + "; it cannot have the parameter " + name
		}
	}
	return ""
}

// readBody reads all of r into buf, which has one byte more than a body may have. (io.ReadFull
// would hide a body that was cut off: both are io.ErrUnexpectedEOF.)
func readBody(r io.Reader, buf []byte) (int, error) {
	for n := 0; n < len(buf); {
		m, err := r.Read(buf[n:])
		n += m
		switch {
		case n == len(buf):
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return 0, badRequest("body: could not be read to its end")
		}
	}
	return 0, errTooLarge()
}

func errTooLarge() error {
	return problem.New(http.StatusRequestEntityTooLarge, "the body must be at most 16384 bytes")
}
