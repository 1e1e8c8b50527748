package token

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"kalsel.dev/refresh/impl/strictjson"
)

// Session is the session that an access token names. The zero value is none.
type Session struct {
	ID      string
	Started int64 // Unix seconds; 0 if it is not known
}

// readSession reads auth_time or login_sid. OpenID Connect lets a login set auth_time: a value that
// is no time is carried over like any other claim.
func (c *Claims) readSession(name, raw string) {
	if name == "login_sid" {
		c.loginSession = raw
		return
	}
	c.authTime = raw
	c.AuthTime, c.HasAuthTime = strictjson.Date(jsontext.Value(raw))
}

// appendSession appends auth_time and login_sid.
func (s *stamp) appendSession(dst []byte, c *Claims) []byte {
	switch {
	case s.session.ID != "":
		dst = strconv.AppendInt(append(dst, `,"auth_time":`...), s.session.Started, 10)
	case c.authTime != "":
		dst = append(append(dst, `,"auth_time":`...), c.authTime...)
	}
	switch {
	case s.session.ID != "" && !s.own && c.session != "":
		dst = append(append(dst, `,"login_sid":`...), c.session...)
	case c.loginSession != "":
		dst = append(append(dst, `,"login_sid":`...), c.loginSession...)
	}
	return dst
}
