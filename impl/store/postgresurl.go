package store

import (
	"net/url"
	"strconv"
	"strings"
)

// parsePostgres returns how many connections the URL asks for, or 0 if it does not say.
func parsePostgres(raw string) (*connector, int, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// The error would quote the URL with the password.
		return nil, 0, BadURL("the PostgreSQL URL is malformed")
	}
	if passwordEndsEarly(u) {
		return nil, 0, BadURL("the PostgreSQL URL is malformed: in the password, " +
			"write @ as %40, / as %2F, ? as %3F and # as %23")
	}
	size := 0
	if given := u.Query().Get("pool_max_conns"); given != "" {
		if size, err = strconv.Atoi(given); err != nil || size < poolLeast {
			return nil, 0, BadURL("pool_max_conns: must be a whole number of at least 4")
		}
	}
	text := u.String() // with an @ in the password escaped
	if u.Host == "" {
		text = raw // String would drop the slashes
	}
	c, err := newConnector(text)
	return c, size, err
}

// passwordEndsEarly reports whether a part of the password stands behind the host, because
// characters in it are not escaped. Errors would print that part, and the name server would be
// asked for it.
func passwordEndsEarly(u *url.URL) bool {
	if strings.Contains(u.Host, "#") || strings.Contains(u.EscapedPath()+u.EscapedFragment(), "@") {
		return true
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if strings.Contains(name, "@") || pair == name && pair != "" {
			return true
		}
	}
	return u.User != nil && strings.Contains(u.RawQuery, "@")
}
