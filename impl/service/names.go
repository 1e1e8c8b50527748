package service

import (
	"fmt"
	"reflect"
	"strings"
)

// Setting describes one setting for people.
type Setting struct {
	Flag        string // without dashes, such as "rotation-window"
	Variable    string // such as "REFRESH_ROTATION_WINDOW"
	Default     string
	Placeholder string
	Meaning     string
	Example     string
	MayBeEmpty  bool // an empty value switches a feature off
	Secret      bool // its value must not be shown
}

// Names returns the names under which operators know the setting, such as
// "--rotation/REFRESH_ROTATION".
func (s Setting) Names() string { return "--" + s.Flag + "/" + s.Variable }

// AllSettings describes the settings in the order of their fields.
func AllSettings() []Setting {
	var all []Setting
	for field := range reflect.TypeFor[Settings]().Fields() {
		flag := flagOf(field.Name)
		text := meanings()[flag]
		all = append(all, Setting{
			Flag:        flag,
			Variable:    variableOf(flag),
			Default:     field.Tag.Get("default"),
			Placeholder: field.Tag.Get("placeholder"),
			Meaning:     text.meaning,
			Example:     text.example,
			MayBeEmpty:  field.Tag.Get("empty") == "off",
			Secret:      field.Tag.Get("secret") == "true",
		})
	}
	return all
}

// flagOf makes RotationWindow into rotation-window, and TLSCert into tls-cert, as the command
// line's parser does.
func flagOf(field string) string {
	upper := func(i int) bool { return i < len(field) && field[i] >= 'A' && field[i] <= 'Z' }
	var flag strings.Builder
	for i := range len(field) {
		if i > 0 && upper(i) && (!upper(i-1) || i+1 < len(field) && !upper(i+1)) {
			flag.WriteByte('-')
		}
		flag.WriteByte(field[i])
	}
	return strings.ToLower(flag.String())
}

// variableOf makes rotation-window into REFRESH_ROTATION_WINDOW.
func variableOf(flag string) string {
	return "REFRESH_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// setting returns the setting that field points to. It panics if that is not a field of s.
func (s *Settings) setting(field any) Setting {
	fields := reflect.ValueOf(s).Elem()
	for i := range fields.NumField() {
		if fields.Field(i).Addr().Interface() == field {
			return AllSettings()[i]
		}
	}
	panic(fmt.Sprintf("%T is not a field of Settings", field))
}

// Name returns the names of the setting that field points to. It panics if field is not one of s.
func (s *Settings) Name(field any) string { return s.setting(field).Names() }

// differs reports whether the setting that field points to has another value than its default.
func (s *Settings) differs(field any) bool {
	fallback := s.setting(field).Default
	if d, ok := field.(*Duration); ok {
		parsed, err := ParseDuration(fallback)
		return err != nil || *d != Duration(parsed)
	}
	return fmt.Sprint(reflect.ValueOf(field).Elem()) != fallback
}

// SettingError is a mistake in the settings, in one line.
type SettingError string

func (e SettingError) Error() string { return string(e) }

// invalid returns the error for a value that is not acceptable, with the names of its setting.
func (s *Settings) invalid(field any, problem string) SettingError {
	return SettingError(s.Name(field) + ": " + problem)
}
