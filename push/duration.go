package push

import (
	"strings"
	"time"
)

// AboutDuration formats a duration to the second, or to the millisecond below a minute, as in 8m34s for a seventh of an hour.
func AboutDuration(d time.Duration) string {
	if d >= time.Minute {
		return ShortDuration(d.Round(time.Second))
	}
	return ShortDuration(d.Round(time.Millisecond))
}

// ShortDuration formats a duration without the units that are zero: 1h for 1h0m0s.
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
