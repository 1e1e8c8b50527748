package main

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"kalsel.dev/refresh/impl/service"
)

type configCmd struct{}

// Help adds details to the command's --help.
func (configCmd) Help() string {
	return `The output is a file of environment variables: for EnvironmentFile= of systemd, for
"set -a; . FILE" in a shell, and, if no value needs quotes, for --env-file of containers. Secrets
are left out: for each, a comment says that it is set.`
}

// Run prints the settings in force. It fails if the server would not start with them.
func (configCmd) Run(p *program, s *service.Settings) error {
	if err := s.Check(); err != nil {
		return err
	}
	var out strings.Builder
	values := reflect.ValueOf(s).Elem()
	for i, setting := range service.AllSettings() {
		out.WriteString(configLine(setting, valueText(values.Field(i))) + "\n")
	}
	_, err := p.stdout.Write([]byte(out.String()))
	return err
}

// valueText returns a value as its variable has it.
func valueText(v reflect.Value) string {
	if v.Kind() != reflect.Slice {
		return fmt.Sprint(v.Interface())
	}
	var parts []string
	for i := range v.Len() {
		parts = append(parts, fmt.Sprint(v.Index(i).Interface()))
	}
	return strings.Join(parts, ",")
}

// configLine returns the line of one setting.
func configLine(setting service.Setting, value string) string {
	switch {
	case value == "" && setting.MayBeEmpty:
		return setting.Variable + "="
	case value == "":
		return "# " + setting.Variable + " is not set"
	case setting.Secret:
		return "# " + setting.Variable + " is set; its value is secret and not shown"
	}
	if shown, hidden := withoutPassword(value); hidden {
		return "# " + setting.Variable + " is set, with a password that is not shown: " + shown
	}
	return setting.Variable + "=" + quoted(value)
}

// withoutPassword hides the password of a URL. Hidden is false if there is none.
func withoutPassword(value string) (shown string, hidden bool) {
	scheme, _, found := strings.Cut(value, "://")
	if !found {
		return value, false
	}
	u, err := url.Parse(value)
	if err != nil {
		return scheme + "://…", true // it may contain one
	}
	query := u.Query()
	for _, name := range []string{"password", "sslpassword"} {
		if query.Has(name) {
			query.Set(name, "xxxxx")
			u.RawQuery, hidden = query.Encode(), true
		}
	}
	if _, set := u.User.Password(); set {
		hidden = true
	}
	return u.Redacted(), hidden
}

// quoted makes a value one word for systemd and for any POSIX shell.
func quoted(value string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("_-.,:/@%+=[]", r)
	}
	if strings.IndexFunc(value, func(r rune) bool { return !plain(r) }) < 0 {
		return value
	}
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`")
	return `"` + escape.Replace(value) + `"`
}
