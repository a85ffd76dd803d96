package push

import "log/slog"

// Secret is a value that nobody may see: a key, a token, a credential. Everything that prints hides it.
type Secret string

const hidden = "[secret]"

// String hides the value.
func (Secret) String() string { return hidden }

// GoString hides the value from %#v.
func (Secret) GoString() string { return hidden }

// LogValue hides the value from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// Reveal returns the value itself, for whoever needs it.
func (s Secret) Reveal() string { return string(s) }
