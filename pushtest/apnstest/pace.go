package apnstest

import (
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

var ruleOvertaken = Rule{
	Name:    "deliver.overtaken",
	Text:    "The share of notifications that the next one for the same token overtakes: such a one is held until that one has been handed over, or for deliver.overtaken.wait. Which ones depends on the seed.",
	Source:  `Apple, "Sending notification requests to APNs": notifications to one token may be reordered`,
	Certain: simkit.Documented,
	Switch:  "deliver.overtaken",
	Default: "0.0",
	Most:    1,
}

var ruleOvertakenWait = Rule{
	Name:    "deliver.overtaken.wait",
	Text:    "How long, at most, a notification is held for the next one to overtake it.",
	Source:  "not documented",
	Certain: simkit.Inferred,
	Switch:  "deliver.overtaken.wait",
	Default: "1s",
	Varies:  []string{"1s", "2s", "5s"},
}

var ruleBursts = Rule{
	Name:    "deliver.bursts",
	Text:    "Notifications of priority 5 and 1 wait and go out together, every so often by simulated time. 0s: at once.",
	Source:  `Apple, "Sending notification requests to APNs": they may be grouped and delivered in bursts; no time is told`,
	Certain: simkit.Documented,
	Switch:  "deliver.bursts",
	Default: "0s",
}

// pace decides how long a fresh notification is held back, apart from the phone's state. The caller holds the lock.
func (p *spool) pace(d *device, n *pending, now time.Time) {
	until := n.notTill
	if every := p.Switches.Duration("deliver.bursts"); every > 0 && n.Priority < 10 && !n.Once {
		until = later(until, now.Truncate(every).Add(every))
	}
	share := p.Switches.Float("deliver.overtaken")
	if share > 0 && d.waiting == nil && !n.Once && p.Random.Float64() < share {
		n.overtaken = true
		until = later(until, now.Add(p.Switches.Duration("deliver.overtaken.wait")))
	}
	n.notTill = until
}

// releaseOvertaken releases the notification that was held for the one that has just been handed over. The caller holds the lock.
func (p *spool) releaseOvertaken(d *device, now time.Time) {
	if d.waiting == nil || !d.waiting.overtaken {
		return
	}
	d.waiting.overtaken, d.waiting.notTill = false, time.Time{}
	p.Flush(d, now) // or Drain does, once the phone has acknowledged
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
