package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"kalsel.dev/refresh/impl/service"
)

var (
	// settingLike matches the variables that are settings, or meant as such.
	settingLike = regexp.MustCompile(`^REFRESHD?_`)
	// serviceLink matches the variables that Kubernetes sets in every container for each service
	// whose name begins with "refresh". They are not settings.
	serviceLink = regexp.MustCompile(`^REFRESHD?_(.+_)?(PORT|SERVICE_HOST|SERVICE_PORT)(_.+)?$`)
)

// settingVariables returns a resolver that reads the variable of a setting whose flag is not given.
// It fails if a variable begins like those of settings but belongs to none: it is most likely
// misspelt, and without the setting the server could accept more than the operator believes.
func settingVariables(environ []string) (kong.ResolverFunc, error) {
	var known []string
	for _, s := range service.AllSettings() {
		known = append(known, s.Variable)
	}
	given := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case slices.Contains(known, name):
			given[name] = value
		case settingLike.MatchString(name) && !serviceLink.MatchString(name):
			return nil, usageError(fmt.Sprintf(
				"%s: there is no such setting; did you mean %s?", name, nearest(name, known)))
		}
	}
	return func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		s, ok := settingOf(flag.Name)
		if !ok {
			return nil, nil
		}
		value, ok := given[s.Variable]
		switch {
		case !ok:
			return nil, nil
		case flag.IsBool() && !isBool(value):
			return nil, errors.New("must be true or false")
		}
		return value, nil
	}, nil
}

func isBool(s string) bool {
	switch strings.ToLower(s) {
	case "true", "1", "yes", "false", "0", "no":
		return true
	}
	return false
}

// checkText fails if a setting or an element of it is empty, or has space or quotes at its ends:
// most likely its value was forgotten or is the text of another file's syntax. A secret may have
// them, and the value of a refresh claim may be JSON text, such as use="1".
func checkText(flag *kong.Flag) error {
	text, isText := reflect.TypeAssert[string](flag.Target)
	list, isList := reflect.TypeAssert[[]string](flag.Target)
	s, ok := settingOf(flag.Name)
	_, value, _ := strings.Cut(text, "=")
	if flag.Name == "refresh-claim" && json.Valid([]byte(value)) {
		text = strings.TrimSuffix(text, `"`)
	}
	switch {
	case isList && ok && (len(list) == 0 || slices.Contains(list, "")):
		return usageError(s.Names() + ": has an empty element")
	case !isText || !ok:
		return nil
	case text == "" && !s.MayBeEmpty:
		return usageError(s.Names() + ": is set but empty")
	case s.Flag != "secret" && strings.Trim(text, " \t\r\n\"'\ufeff") != text:
		return usageError(s.Names() + ": must not begin or end with spaces or quotes")
	}
	return nil
}

// nearest returns the candidate with the fewest edits between it and name, in any case.
func nearest(name string, candidates []string) string {
	name = strings.ToUpper(name)
	return slices.MinFunc(candidates, func(a, b string) int {
		return edits(name, a) - edits(name, b)
	})
}

// edits returns how many bytes must be inserted, deleted or replaced to make b of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1) // of the prefixes of b, for a prefix of a
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
