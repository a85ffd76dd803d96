package simkit

import (
	"errors"
	"fmt"
	"time"

	"github.com/hushpush/hush/internal/rest"
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

// Std returns the span as package time has it.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// Describe returns a span's schema.
func (Duration) Describe(*rest.Schemas) *rest.Schema {
	return &rest.Schema{Type: rest.String, Format: "go-duration", Description: "A span in Go's form, such as 90s or 1h."}
}

// formats are the rules of strings in control requests.
var formats = rest.Formats{
	"date-time":            {Code: rest.BadValue, Check: checkTime},
	"go-duration":          {Code: rest.BadValue, Check: checkDuration},
	"positive-go-duration": {Code: rest.OutOfRange, Check: checkPositive},
}

func checkTime(text string) error {
	if _, err := time.Parse(time.RFC3339, text); err != nil {
		return fmt.Errorf("is %s; want a time of RFC 3339, such as 2026-01-02T15:04:05Z", rest.Quoted(text))
	}
	return nil
}

func checkDuration(text string) error {
	if _, err := time.ParseDuration(text); err != nil {
		return fmt.Errorf("is %s; want a duration, such as 90s or 1h", rest.Quoted(text))
	}
	return nil
}

func checkPositive(text string) error {
	if err := checkDuration(text); err != nil {
		return err
	}
	if d, _ := time.ParseDuration(text); d <= 0 {
		return errors.New("is " + d.String() + "; want more than 0s")
	}
	return nil
}
