package phonetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// conditions are what a person or the system has set on a phone, beside the app's state.
type conditions struct {
	mu  sync.Mutex // nothing is called under it but the change of one
	set facts      // guarded by mu
}

// facts are the conditions of a phone at one time.
type facts struct {
	online     bool
	lowPower   bool
	refreshOff bool
	charging   bool
	dozing     bool
	dozeSince  time.Time
	diskFull   bool
	startsAt   time.Time // after a restart: before then, no app is started for a push
	forceSwipe bool      // a swipe is a force-stop
	screenLock bool      // a restart leaves the phone locked
	locked     bool      // it was restarted and not unlocked since
	directBoot bool      // the app is made to run before the phone is unlocked
	restricted bool      // APNs keeps what is not urgent
}

// get returns the conditions as they are now.
func (c *conditions) get() facts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.set
}

// change changes them.
func (c *conditions) change(change func(*facts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.set)
}

// dozesAt reports whether Doze keeps messages of normal priority back at a time.
func (f facts) dozesAt(now time.Time, r Rules) bool {
	if !f.dozing || f.charging {
		return false
	}
	open, _ := dozeWindow(f.dozeSince, now, r)
	return !open
}

// set changes a condition, and releases what it held back.
func (p *Phone) set(change func(*facts)) {
	p.conditions.change(change)
	p.record.change()
	p.system.release()
}

// SetOnline connects the phone to its push service, or takes it off-line (no signal, flight mode). What is sent meanwhile
// waits at the service, as its rules say: one push per app at APNs, 100 at FCM. Only the line to the push service
// is cut: an app that is a process keeps its own connections.
func (p *Phone) SetOnline(online bool) {
	p.app.steps.Lock()
	defer p.app.steps.Unlock()
	if p.conditions.get().online == online {
		return
	}
	p.conditions.change(func(f *facts) { f.online = online })
	p.service.setOnline(online)
}

// SetLowPower turns Low Power Mode (iOS) on or off.
func (p *Phone) SetLowPower(on bool) { p.set(func(f *facts) { f.lowPower = on }) }

// SetPowerRestricted makes an iOS phone save power in the way that its push service knows of, or ends that: meanwhile what is
// not of priority 10 waits at APNs, which keeps one push for the app. This is not Low Power Mode, of which APNs knows nothing.
// Without the simulator of APNs, nothing is kept.
func (p *Phone) SetPowerRestricted(on bool) {
	p.app.steps.Lock()
	defer p.app.steps.Unlock()
	p.conditions.change(func(f *facts) { f.restricted = on })
	p.record.change()
	if s, can := p.service.toService().(powerSaver); can {
		s.setPowerRestricted(on)
	}
}

// SetBackgroundRefresh turns Background App Refresh (iOS) on, as it is on a new phone, or off.
func (p *Phone) SetBackgroundRefresh(on bool) { p.set(func(f *facts) { f.refreshOff = !on }) }

// SetCharging plugs the phone in: Android lifts Doze and all restrictions while it charges.
func (p *Phone) SetCharging(on bool) { p.set(func(f *facts) { f.charging = on }) }

// SetDoze makes an Android phone doze from now on (screen off, not moved, not charging), or ends that. Opening the app ends
// Doze, too.
func (p *Phone) SetDoze(on bool) {
	p.set(func(f *facts) {
		f.dozing = on && p.spec.Platform == Android
		f.dozeSince = p.clock.now()
	})
}

// SetScreenLock gives an Android phone a PIN, or takes it away; a new phone has none. With a PIN, a restart leaves the phone
// locked until it is unlocked: see SetLocked.
func (p *Phone) SetScreenLock(on bool) {
	p.set(func(f *facts) { f.screenLock = on && p.spec.Platform == Android })
}

// SetLocked locks an Android phone as after a restart (direct boot), or unlocks it; opening the app unlocks it, too. While it is
// locked messages wait, except those with direct_boot_ok if the app is made for direct boot.
func (p *Phone) SetLocked(on bool) {
	p.set(func(f *facts) { f.locked = on && p.spec.Platform == Android })
}

// SetDirectBoot says whether the app is made to run before an Android phone is unlocked (its service is directBootAware). A new
// app is not.
func (p *Phone) SetDirectBoot(aware bool) { p.set(func(f *facts) { f.directBoot = aware }) }

// SetBucket sorts the app into a standby bucket (Android).
func (p *Phone) SetBucket(b StandbyBucket) error {
	switch b {
	case Active, WorkingSet, Frequent, Rare, Restricted:
	default:
		return fmt.Errorf("phonetest: bucket is %q; want active, working_set, frequent, rare or restricted", b)
	}
	p.budgets.changeStandby(func(s standby) standby {
		s.bucket = b
		return s
	})
	return nil
}

// SetOSVersion sets the version of the phone's system ("13.1"; "": newer than any rule knows).
func (p *Phone) SetOSVersion(version string) {
	p.setStandby(func(s standby) standby {
		s.osVersion = version
		return s
	})
}

// SetSwipeForceStops says whether a swipe is a force-stop on the phone, as with some vendors (Android).
func (p *Phone) SetSwipeForceStops(on bool) { p.set(func(f *facts) { f.forceSwipe = on }) }

// SetDiskFull fills the phone's disk, or makes room again. While it is full, a push that the phone would hold is dropped, and the
// app, which gets an event, should behave as if it could not write.
func (p *Phone) SetDiskFull(full bool) {
	p.set(func(f *facts) { f.diskFull = full })
	state := phoneline.Free
	if full {
		state = phoneline.Full
	}
	p.app.send(phoneline.Event{Kind: phoneline.Disk, State: state})
}

// SetClock sets the phone's clock wrong by off (0: right). What the clock shows is in the device log, in the record, and in the
// events that the app gets; the system waits and paces by the right time.
func (p *Phone) SetClock(off time.Duration) {
	p.clock.set(off)
	p.record.change()
	p.system.release()
}

// Shown is the app showing something to the person, such as a notification: the high-priority messages that it got before then
// have had a visible result, so that FCM does not count them against it. They still count towards what its bucket allows in a
// day.
func (p *Phone) Shown() { p.setStandby(standby.shown) }

func (p *Phone) setStandby(change func(standby) standby) {
	p.budgets.changeStandby(change)
	p.record.change()
	p.system.release()
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

// Facts returns what has been set on the phone, as it is now.
func (p *Phone) Facts() Facts {
	f, standby := p.conditions.get(), p.budgets.currentStandby()
	bucket := standby.bucket
	if bucket == "" {
		bucket = Active
	}
	return Facts{
		Online: f.online, LowPower: f.lowPower, BackgroundRefresh: !f.refreshOff, Charging: f.charging, Dozing: f.dozing,
		PowerRestricted: f.restricted, ScreenLock: f.screenLock, Locked: f.locked, DirectBoot: f.directBoot,
		DiskFull: f.diskFull, SwipeForceStops: f.forceSwipe, Clock: p.clock.off(), Bucket: bucket, OSVersion: standby.osVersion,
	}
}

// Advance moves this phone's time ahead, for instance past its throttling. The push services keep their time. If anything waits
// for maintenance windows, those on the way open.
func (p *Phone) Advance(by time.Duration) {
	for by = max(by, 0); ; {
		step := by
		if wait := p.system.untilWindow(); wait > 0 && wait < by {
			step = wait
		}
		p.clock.advance(step)
		p.system.release()
		if by -= step; by == 0 {
			return
		}
	}
}

// AdvanceToMaintenanceWindow moves a dozing phone's time to the moment when the next maintenance window opens, and returns
// how far that was; 0 if the phone does not doze or a window is open.
func (p *Phone) AdvanceToMaintenanceWindow() time.Duration {
	now, f := p.clock.now(), p.conditions.get()
	open, next := dozeWindow(f.dozeSince, now, p.fleet.cfg.Rules)
	if !f.dozing || open {
		return 0
	}
	by := next.Sub(now)
	p.Advance(by)
	return by
}
