package terminal

import "time"

// Moment returns a time as people read it, in their time zone; "" for the zero time.
func Moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}

// MomentNear returns a time that is near now: its date is there only if it is another day.
func MomentNear(t, now time.Time) string {
	if t = t.Local(); t.Format(time.DateOnly) == now.Local().Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return Moment(t)
}
