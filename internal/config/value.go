package config

import "reflect"

// kind is a way to write values of a type.
type kind[T any] struct {
	name  string                       // what a value is called in the help
	parse func(text string) (T, error) // the error says what is wrong with the text, and what would be right
	text  func(T) string               // the inverse of parse
	list  bool                         // several values, with commas between them; in YAML, also a list
	bare  bool                         // a flag that stands alone means true
}

// value is a field of Config together with its kind.
type value struct {
	kind       string
	list, bare bool
	read       func(c *Config, text string) error
	write      func(c *Config) string // "" for the zero value
}

// at binds a kind to a field.
func at[T any](k kind[T], field func(*Config) *T) value {
	return value{
		kind: k.name, list: k.list, bare: k.bare,
		read: func(c *Config, text string) error {
			v, err := k.parse(text)
			if err == nil {
				*field(c) = v
			}
			return err
		},
		write: func(c *Config) string {
			v := *field(c)
			if reflect.ValueOf(v).IsZero() {
				return ""
			}
			return k.text(v)
		},
	}
}
