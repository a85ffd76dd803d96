package phonetest

import (
	"fmt"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// What a person or the system sets on a phone, beside the app's state.

// SetOnline connects the phone to its push service, or takes it off-line (no signal, flight mode). What is sent meanwhile
// waits at the service, as its rules say: one push per app at APNs, 100 at FCM. The line to the push service is all that is
// cut: an app that is a process keeps its own connections.
func (p *Phone) SetOnline(online bool) {
	p.steps.Lock()
	defer p.steps.Unlock()
	p.mu.Lock()
	changed := p.facts.online != online
	p.facts.online = online
	p.mu.Unlock()
	if !changed {
		return
	}
	for _, l := range p.former {
		l.SetOnline(online)
	}
	if p.line != nil {
		p.line.SetOnline(online)
	}
}

// SetLowPower turns Low Power Mode (iOS) on or off.
func (p *Phone) SetLowPower(on bool) { p.set(func(f *facts) { f.lowPower = on }) }

// SetPowerRestricted has an iOS phone save power (or no more) in the way that its push service knows of: what is not of priority
// 10 waits at APNs, in the one place that there is, until that ends. That is not Low Power Mode, which is the phone's own affair.
// Without the simulator of APNs nobody keeps anything for it.
func (p *Phone) SetPowerRestricted(on bool) {
	p.steps.Lock()
	defer p.steps.Unlock()
	p.mu.Lock()
	p.facts.restricted = on
	p.change()
	p.mu.Unlock()
	if s, can := p.line.(powerSaver); can {
		s.setPowerRestricted(on)
	}
}

// SetBackgroundRefresh turns Background App Refresh (iOS) on, as it is on a new phone, or off.
func (p *Phone) SetBackgroundRefresh(on bool) { p.set(func(f *facts) { f.refreshOff = !on }) }

// SetCharging plugs the phone in: Android lifts Doze and all restrictions while it charges.
func (p *Phone) SetCharging(on bool) { p.set(func(f *facts) { f.charging = on }) }

// SetDoze has an Android phone doze from now on (screen off, not moved, not charging), or ends that. Opening the app ends it
// too.
func (p *Phone) SetDoze(on bool) {
	p.set(func(f *facts) {
		f.dozing = on && p.spec.Platform == Android
		f.dozeSince = p.now()
	})
}

// SetScreenLock gives an Android phone a PIN, or takes it away, as on a new phone here. With one, a restart leaves the phone
// locked until it is unlocked: see SetLocked.
func (p *Phone) SetScreenLock(on bool) {
	p.set(func(f *facts) { f.screenLock = on && p.spec.Platform == Android })
}

// SetLocked says that an Android phone has been restarted and not been unlocked since (direct boot), or unlocks it; opening the
// app unlocks it too. Meanwhile messages wait, but for those with direct_boot_ok if the app is made for it.
func (p *Phone) SetLocked(on bool) {
	p.set(func(f *facts) { f.locked = on && p.spec.Platform == Android })
}

// SetDirectBoot says that the app is made to run before an Android phone is unlocked (its service is directBootAware), or not,
// as it is unless told.
func (p *Phone) SetDirectBoot(aware bool) { p.set(func(f *facts) { f.directBoot = aware }) }

// SetBucket sorts the app into a standby bucket (Android).
func (p *Phone) SetBucket(b StandbyBucket) error {
	switch b {
	case Active, WorkingSet, Frequent, Rare, Restricted:
	default:
		return fmt.Errorf("phonetest: bucket is %q; want active, working_set, frequent, rare or restricted", b)
	}
	p.mu.Lock()
	p.standby.bucket = b
	p.mu.Unlock()
	return nil
}

// SetOSVersion says which version of its system the phone runs ("13.1"; "": newer than any rule knows).
func (p *Phone) SetOSVersion(version string) {
	p.set(func(*facts) { p.standby.osVersion = version })
}

// SetSwipeForceStops makes the phone one of a vendor whose swipe is a force-stop (Android), or of another.
func (p *Phone) SetSwipeForceStops(on bool) { p.set(func(f *facts) { f.forceSwipe = on }) }

func (p *Phone) swipeForceStops() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.facts.forceSwipe
}

// SetDiskFull fills the phone's disk, or makes room again. While it is full the phone holds no push (it is dropped), and the
// app, which is told by an event, is to behave as if nothing could be written.
func (p *Phone) SetDiskFull(full bool) {
	p.set(func(f *facts) { f.diskFull = full })
	state := phoneline.Free
	if full {
		state = phoneline.Full
	}
	p.inform(phoneline.Event{Kind: phoneline.Disk, State: state})
}

// SetClock sets the phone's clock wrong by so much (0: right). What it shows is in the device log, in the record, and in the
// events that the app gets; the system waits and paces by the true time.
func (p *Phone) SetClock(off time.Duration) { p.set(func(f *facts) { f.clockOff = off }) }

// Shown is the app showing something to the person, such as a notification: the high-priority messages that it got before
// have had a visible result, so that FCM does not hold them against it. They still count towards what its bucket allows in a day.
func (p *Phone) Shown() {
	p.set(func(*facts) { p.standby = p.standby.shown() })
}

// Facts are what has been set on a phone.
type Facts struct {
	Online            bool
	LowPower          bool
	BackgroundRefresh bool
	Charging          bool
	Dozing            bool // also while it charges or a maintenance window is open
	DiskFull          bool
	SwipeForceStops   bool
	PowerRestricted   bool
	ScreenLock        bool
	Locked            bool
	DirectBoot        bool
	Clock             time.Duration // by how much its clock is wrong
	Bucket            StandbyBucket
	OSVersion         string
}

// Facts are those that stand now.
func (p *Phone) Facts() Facts {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, bucket := p.facts, p.standby.bucket
	if bucket == "" {
		bucket = Active
	}
	return Facts{
		Online: f.online, LowPower: f.lowPower, BackgroundRefresh: !f.refreshOff, Charging: f.charging, Dozing: f.dozing,
		PowerRestricted: f.restricted, ScreenLock: f.screenLock, Locked: f.locked, DirectBoot: f.directBoot,
		DiskFull: f.diskFull, SwipeForceStops: f.forceSwipe, Clock: f.clockOff, Bucket: bucket, OSVersion: p.standby.osVersion,
	}
}

// Advance moves this phone's time ahead, for instance past its throttling. The push services keep theirs. On the way a
// maintenance window opens for what waits for one.
func (p *Phone) Advance(by time.Duration) {
	for by = max(by, 0); ; {
		p.mu.Lock()
		step := by
		if wait := p.untilWindow(); wait > 0 && wait < by {
			step = wait
		}
		p.shift += step
		p.mu.Unlock()
		p.release()
		if by -= step; by == 0 {
			return
		}
	}
}

// untilWindow is how long what waits because of Doze has to wait; 0 if nothing does. p.mu must be held.
func (p *Phone) untilWindow() time.Duration {
	now := p.now()
	if !p.dozes(now) || len(p.held) == 0 && !p.serviceKeeps {
		return 0
	}
	_, opens := dozeWindow(p.facts.dozeSince, now, p.fleet.cfg.Rules)
	return opens.Sub(now)
}

// AdvanceToMaintenanceWindow moves a dozing phone's time to the moment when the next maintenance window opens, and says how
// far that was; 0 if it does not doze or a window is open.
func (p *Phone) AdvanceToMaintenanceWindow() time.Duration {
	p.mu.Lock()
	now := p.now()
	dozing := p.facts.dozing
	open, next := dozeWindow(p.facts.dozeSince, now, p.fleet.cfg.Rules)
	p.mu.Unlock()
	if !dozing || open {
		return 0
	}
	by := next.Sub(now)
	p.Advance(by)
	return by
}

// set changes a fact and lets go what it held back.
func (p *Phone) set(change func(*facts)) {
	p.mu.Lock()
	change(&p.facts)
	p.change()
	p.mu.Unlock()
	p.release()
}
