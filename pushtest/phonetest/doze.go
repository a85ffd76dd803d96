package phonetest

import "time"

// dozeWindow reports whether a phone that has dozed since then is in a maintenance window now, and when the next one opens
// (or the present one closes).
func dozeWindow(since, now time.Time, r Rules) (open bool, next time.Time) {
	at := since
	for i := 0; ; i++ {
		at = at.Add(r.DozeWindows[min(i, len(r.DozeWindows)-1)])
		if now.Before(at) {
			return false, at
		}
		closes := at.Add(r.DozeWindow)
		if now.Before(closes) {
			return true, closes
		}
		at = closes
	}
}
