package fcmtest

import (
	"fmt"
	"sync"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/internal/simulator"
)

var ruleProjectQuota = Rule{
	Name:    "quota.project",
	Text:    "Sends that a project may make in a minute, refilled in full each minute, which begins with the first send and not on the clock. Answers 4xx count, but for 401, 429 and those of another project. Above: 429 QUOTA_EXCEEDED until the refill.",
	Source:  "firebase.google.com/docs/cloud-messaging/throttling-and-quotas",
	Certain: simkit.Documented,
	Switch:  "quota.project_per_minute",
	Default: "600000",
}

var ruleDeviceMinute = Rule{
	Name:    "quota.device_minute",
	Text:    "Messages that one device may be sent in a minute.",
	Source:  "firebase.google.com/docs/cloud-messaging/throttling-and-quotas",
	Certain: simkit.Documented,
	Switch:  "quota.device_per_minute",
	Default: "240",
}

var ruleDeviceHour = Rule{
	Name:    "quota.device_hour",
	Text:    "Messages that one device may be sent in an hour.",
	Source:  "firebase.google.com/docs/cloud-messaging/throttling-and-quotas",
	Certain: simkit.Documented,
	Switch:  "quota.device_per_hour",
	Default: "5000",
}

var ruleDeviceOver = Rule{
	Name:    "quota.device_over",
	Text:    `What a message above the device's rate gets: "refuse" (429 QUOTA_EXCEEDED) or "delay" (200, delivered when the rate allows).`,
	Source:  "the pages on error codes and on delivery data differ",
	Certain: simkit.Uncertain,
	Switch:  "quota.device_over",
	Default: "refuse",
	Words:   []string{"refuse", "delay"},
	Varies:  []string{"refuse", "delay"},
}

var ruleRetryAfter = Rule{
	Name:    "quota.retry_after",
	Text:    "A 429 says in Retry-After when the quota is refilled.",
	Source:  "firebase.google.com/docs/cloud-messaging/scale-fcm: honour it if it is there",
	Certain: simkit.Uncertain,
	Switch:  "quota.retry_after",
	Default: "true",
	Varies:  []string{"true", "false"},
}

// window counts what happens in a span that begins with its first event: a bucket that is refilled in full.
type window struct {
	from time.Time
	n    int
}

// count counts one event if fewer than most lie in the span; else next is when the next span begins.
func (w *window) count(now time.Time, span time.Duration, most int) (ok bool, next time.Time) {
	w.roll(now, span, most)
	if w.n >= most {
		return false, w.from.Add(span)
	}
	w.n++
	return true, time.Time{}
}

// book counts one event in any case, and returns when it may happen: zero for at once, else the beginning of the span that has room.
func (w *window) book(now time.Time, span time.Duration, most int) time.Time {
	if most <= 0 {
		return now.Add(span)
	}
	w.roll(now, span, most)
	spans := w.n / most
	w.n++
	if spans == 0 {
		return time.Time{}
	}
	return w.from.Add(time.Duration(spans) * span)
}

// roll goes on to the span that now lies in. What is booked beyond one span's room uses up that of the next.
func (w *window) roll(now time.Time, span time.Duration, most int) {
	for w.n > 0 && !now.Before(w.from.Add(span)) {
		w.n = max(w.n-most, 0)
		w.from = w.from.Add(span)
	}
	if w.n == 0 {
		w.from = now
	}
}

// quota is a project's.
type quota struct {
	*simulator.Kit
	project *project // never changes

	mu     sync.Mutex
	minute window // guarded by mu
}

// check counts one send against the project's minute.
func (q *quota) check() *refusal {
	now := q.Clock.Now()
	q.mu.Lock()
	ok, next := q.minute.count(now, time.Minute, q.Switches.Int("quota.project_per_minute"))
	q.mu.Unlock()
	if ok {
		return nil
	}
	return quotaExceeded("Quota exceeded for quota metric 'Send requests' and limit 'Send requests per minute' of service 'fcm.googleapis.com'.",
		"project:"+q.project.id, retryAfter(q.Switches, now, next))
}

func (q *quota) reset() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.minute = window{}
}

// checkDeviceRate counts one message against the device's minute and hour. The caller holds the lock.
func (p *spool) checkDeviceRate(d *device, now time.Time) (no *refusal, until time.Time) {
	if d.Platform == IOS {
		return p.checkIOSRate(d, now), time.Time{}
	}
	perMinute, perHour := p.Switches.Int("quota.device_per_minute"), p.Switches.Int("quota.device_per_hour")
	if p.Switches.String("quota.device_over") == "delay" {
		inMinute, inHour := d.minute.book(now, time.Minute, perMinute), d.hour.book(now, time.Hour, perHour)
		if inMinute.After(inHour) {
			return nil, inMinute
		}
		return nil, inHour
	}
	okMinute, next := d.minute.count(now, time.Minute, perMinute)
	if okMinute {
		var okHour bool
		if okHour, next = d.hour.count(now, time.Hour, perHour); okHour {
			return nil, time.Time{}
		}
	}
	return quotaExceeded("Device message rate exceeded.", fmt.Sprintf("device:%s", d.Token.Token), retryAfter(p.Switches, now, next)), time.Time{}
}

// retryAfter returns the seconds until next, rounded up; 0 if the switch says that none is told.
func retryAfter(set *simkit.Switches, now, next time.Time) int {
	if !set.Bool("quota.retry_after") {
		return 0
	}
	return max(int((next.Sub(now)+time.Second-1)/time.Second), 1)
}

var ruleCollapsible = Rule{
	Name:    "collapse.rate",
	Text:    "Messages with a collapse key are delivered from a bucket of 20 per app and device; above it they wait. Not applied with ttl 0.",
	Source:  "firebase.google.com/docs/cloud-messaging/throttling-and-quotas",
	Certain: simkit.Documented,
	Switch:  "collapse.burst",
	Default: "20",
}

var ruleCollapsibleRefill = Rule{
	Name:    "collapse.refill",
	Text:    "How long the bucket of collapsible messages takes to gain one.",
	Source:  "firebase.google.com/docs/cloud-messaging/throttling-and-quotas",
	Certain: simkit.Documented,
	Switch:  "collapse.refill",
	Default: "3m",
}

// bucket is a token bucket that starts full: used is what it lacks.
type bucket struct {
	used int
	at   time.Time // when the first of the used began to come back
}

// refill takes from used what has come back by now.
func (b *bucket) refill(now time.Time, every time.Duration) {
	if b.used == 0 || every <= 0 {
		b.used = 0
		return
	}
	back := int(now.Sub(b.at) / every)
	if back >= b.used {
		b.used = 0
		return
	}
	b.used -= back
	b.at = b.at.Add(time.Duration(back) * every)
}

// next returns when one more may pass: now or earlier if one may pass at once.
func (b *bucket) next(now time.Time, most int, every time.Duration) time.Time {
	b.refill(now, every)
	if b.used < most {
		return now
	}
	return b.at.Add(every)
}

// spend uses one up.
func (b *bucket) spend(now time.Time) {
	if b.used == 0 {
		b.at = now
	}
	b.used++
}
