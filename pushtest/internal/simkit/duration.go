package simkit

import (
	"fmt"
	"time"
)

// Duration is a span as the control API writes it: Go's form, "90s", "1h30m".
type Duration time.Duration

// MarshalText writes the span in Go's form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads Go's form.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is no duration; want one like \"90s\" or \"1h\"", b)
	}
	*d = Duration(v)
	return nil
}

// Std is the span as package time has it.
func (d Duration) Std() time.Duration { return time.Duration(d) }
