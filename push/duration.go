package push

import (
	"strings"
	"time"
)

// AboutDuration writes a duration to the second, or to the millisecond where it is less than a minute: 8m34s for an hour's
// seventh.
func AboutDuration(d time.Duration) string {
	if d >= time.Minute {
		return ShortDuration(d.Round(time.Second))
	}
	return ShortDuration(d.Round(time.Millisecond))
}

// ShortDuration writes a duration without the units that are zero: 1h for 1h0m0s.
func ShortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
