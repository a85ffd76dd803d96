package phonetest

import "time"

// bucket paces one app's background pushes on iOS: it holds up to IOSBurst tokens, gains one every IOSRefill, and a push
// takes one. Handlers that are slow or fail take more (it may fall below zero, to minus one burst), so that the app gets
// its next pushes later (Apple: "the system may limit the number of background notifications").
type bucket struct {
	owed time.Duration // at the time at, how long until it is full again; the zero value is a full bucket
	at   time.Time     // when owed was true
}

// refilled returns the bucket as it stands at now.
func (b bucket) refilled(now time.Time) bucket {
	if now.After(b.at) {
		b.owed, b.at = max(0, b.owed-now.Sub(b.at)), now
	}
	return b
}

// empty reports whether no push is left, and from when on one will be.
func (b bucket) empty(now time.Time, r Rules) (bool, time.Time) {
	wait := b.refilled(now).owed - time.Duration(r.IOSBurst-1)*r.IOSRefill
	if !r.IOSUnlimited && wait > 0 {
		return true, now.Add(wait)
	}
	return false, time.Time{}
}

// spend spends n tokens.
func (b bucket) spend(n float64, now time.Time, r Rules) bucket {
	b = b.refilled(now)
	b.owed = min(b.owed+time.Duration(n*float64(r.IOSRefill)), 2*time.Duration(r.IOSBurst)*r.IOSRefill)
	return b
}

// penalty returns what a handler costs beyond its push.
func penalty(result Result, why Reason, took time.Duration, r Rules) float64 {
	if r.IOSPenalty > 0 && (result == Failed || why == TimeOver || took > r.IOSSlow) {
		return r.IOSPenalty
	}
	return 0
}

// dayBudget is what background pushes have cost today. A day is 24 hours, counted from when the phone was new. What is spent
// stops all background pushes until the next day (Apple, "Troubleshooting push notifications"); slow and failing handlers
// spend more, as with bucket.
type dayBudget struct {
	day   int // since the phone was new
	spent float64
}

const day = 24 * time.Hour

// today returns the budget as it stands at now.
func (b dayBudget) today(born, now time.Time) dayBudget {
	if d := int(now.Sub(born) / day); d != b.day {
		return dayBudget{day: d}
	}
	return b
}

// spentAll reports whether nothing is left today, and when the next day begins.
func (b dayBudget) spentAll(born, now time.Time, r Rules) (bool, time.Time) {
	b = b.today(born, now)
	if r.IOSUnlimited || r.IOSDaily < 0 || b.spent < float64(r.IOSDaily) {
		return false, time.Time{}
	}
	return true, born.Add(time.Duration(b.day+1) * day)
}

// spend spends n pushes.
func (b dayBudget) spend(n float64, born, now time.Time) dayBudget {
	b = b.today(born, now)
	b.spent += n
	return b
}

// pacing is what iOS counts of an app's background pushes: in a row, and in a day.
type pacing struct {
	bucket bucket
	day    dayBudget
	born   time.Time // when the phone was new: days are counted from then
}

// exhausted reports whether no push is left for now, and whether none is for the day.
func (p pacing) exhausted(now time.Time, r Rules) (paced, spent bool) {
	paced, _ = p.bucket.empty(now, r)
	spent, _ = p.day.spentAll(p.born, now, r)
	return paced, spent
}

// until returns when a push is left again; zero if one is.
func (p pacing) until(now time.Time, r Rules) time.Time {
	_, paced := p.bucket.empty(now, r)
	_, spent := p.day.spentAll(p.born, now, r)
	return latest(paced, spent)
}

// spend counts what a push, or its handler, costs.
func (p *pacing) spend(n float64, now time.Time, r Rules) {
	p.bucket = p.bucket.spend(n, now, r)
	p.day = p.day.spend(n, p.born, now)
}
