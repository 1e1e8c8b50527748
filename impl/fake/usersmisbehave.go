package fake

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// perform executes the plan for a question about a user.
func (s *usersService) perform(w http.ResponseWriter, p plan, identity string, u user) {
	a := &answer{header: http.Header{"Content-Type": {"application/json"}}, status: u.Status}
	if code, err := strconv.Atoi(string(p.Behaviour)); err == nil {
		a.status = code
	}
	claims := []byte(u.Claims)
	switch p.Behaviour {
	case page:
		a = pageAnswer(p)
		a.send(w, a.body.Len())
		return
	case notJSON:
		a.status = http.StatusOK
		a.body.WriteString("all is well\n")
		a.send(w, a.body.Len())
		return
	case redirect:
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	case reset:
		breakConnection(w)
		return
	case loseAnswer:
		panic(http.ErrAbortHandler) // net/http closes the connection
	case huge:
		claims, _ = json.Marshal(map[string]string{"filler": strings.Repeat("x", 1<<20)}) // a string
	case noClaims:
		claims = nil
	case another:
		identity = "another." + identity
	}
	writeUserAnswer(&a.body, a.status, identity, claims)
	if p.Behaviour == truncate {
		a.breakOff(w)
	}
	a.send(w, a.body.Len())
}

// writeUserAnswer writes the body of an answer with the status.
func writeUserAnswer(w *bytes.Buffer, status int, identity string, claims []byte) {
	out := struct {
		Identity string          `json:"identity"`
		Claims   json.RawMessage `json:"claims,omitempty"`
		Error    string          `json:"error,omitempty"`
	}{Identity: identity, Claims: claims}
	if status != http.StatusOK {
		out.Claims, out.Error = nil, http.StatusText(status)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(out) // texts and JSON that was read can always be encoded
}

// breakConnection closes the connection with a TCP reset.
func breakConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // an error means that the connection is closed already
	}
	_ = conn.Close()
}
