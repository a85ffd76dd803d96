package phonetest

import (
	"fmt"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// settings sets the conditions of a phone, and what is counted for its app. What a change no longer holds back is released at once.
// It has no state of its own.
type settings struct {
	device
	conditions *conditions
	budgets    *budgets
	service    *connection
	system     *system
	app        *execution
}

func newSettings(d device, c *conditions, b *budgets, s *system) *settings {
	return &settings{device: d, conditions: c, budgets: b, service: s.service, system: s, app: s.app}
}

// set changes a condition, and releases what it held back.
func (s *settings) set(change func(*facts)) {
	s.conditions.change(change)
	s.record.change()
	s.system.release()
}

// SetOnline connects the phone to its push service, or takes it off-line (no signal, flight mode). What is sent meanwhile
// waits at the service, as its rules say: one push per app at APNs, 100 at FCM. Only the line to the push service
// is cut: an app that is a process keeps its own connections.
func (s *settings) SetOnline(online bool) {
	s.app.steps.Lock()
	defer s.app.steps.Unlock()
	if s.conditions.get().online == online {
		return
	}
	s.conditions.change(func(f *facts) { f.online = online })
	s.service.setOnline(online)
}

// SetLowPower turns Low Power Mode (iOS) on or off.
func (s *settings) SetLowPower(on bool) { s.set(func(f *facts) { f.lowPower = on }) }

// SetPowerRestricted makes an iOS phone save power in the way that its push service knows of, or ends that: meanwhile what is
// not of priority 10 waits at APNs, which keeps one push for the app. This is not Low Power Mode, of which APNs knows nothing.
// Without the simulator of APNs, nothing is kept.
func (s *settings) SetPowerRestricted(on bool) {
	s.app.steps.Lock()
	defer s.app.steps.Unlock()
	s.conditions.change(func(f *facts) { f.restricted = on })
	s.record.change()
	if line, can := s.service.toService().(powerSaver); can {
		line.setPowerRestricted(on)
	}
}

// SetBackgroundRefresh turns Background App Refresh (iOS) on, as it is on a new phone, or off.
func (s *settings) SetBackgroundRefresh(on bool) { s.set(func(f *facts) { f.refreshOff = !on }) }

// SetCharging plugs the phone in: Android lifts Doze and all restrictions while it charges.
func (s *settings) SetCharging(on bool) { s.set(func(f *facts) { f.charging = on }) }

// SetDoze makes an Android phone doze from now on (screen off, not moved, not charging), or ends that. Opening the app ends
// Doze, too.
func (s *settings) SetDoze(on bool) {
	s.set(func(f *facts) {
		f.dozing = on && s.spec.Platform == Android
		f.dozeSince = s.clock.now()
	})
}

// SetScreenLock gives an Android phone a PIN, or takes it away; a new phone has none. With a PIN, a restart leaves the phone
// locked until it is unlocked: see SetLocked.
func (s *settings) SetScreenLock(on bool) {
	s.set(func(f *facts) { f.screenLock = on && s.spec.Platform == Android })
}

// SetLocked locks an Android phone as after a restart (direct boot), or unlocks it; opening the app unlocks it, too. While it is
// locked messages wait, except those with direct_boot_ok if the app is made for direct boot.
func (s *settings) SetLocked(on bool) {
	s.set(func(f *facts) { f.locked = on && s.spec.Platform == Android })
}

// SetDirectBoot makes the app one that runs before an Android phone is unlocked (its service is directBootAware), or ends that. A
// new app is not.
func (s *settings) SetDirectBoot(aware bool) { s.set(func(f *facts) { f.directBoot = aware }) }

// SetBucket sorts the app into a standby bucket (Android).
func (s *settings) SetBucket(b StandbyBucket) error {
	switch b {
	case Active, WorkingSet, Frequent, Rare, Restricted:
	default:
		return fmt.Errorf("phonetest: bucket is %q; want active, working_set, frequent, rare or restricted", b)
	}
	s.budgets.changeStandby(func(counted standby) standby {
		counted.bucket = b
		return counted
	})
	return nil
}

// SetOSVersion sets the version of the phone's system ("13.1"; "": newer than any rule knows).
func (s *settings) SetOSVersion(version string) {
	s.setStandby(func(counted standby) standby {
		counted.osVersion = version
		return counted
	})
}

// SetSwipeForceStops makes a swipe a force-stop on the phone, as with some vendors (Android), or ends that.
func (s *settings) SetSwipeForceStops(on bool) { s.set(func(f *facts) { f.forceSwipe = on }) }

// SetDiskFull fills the phone's disk, or makes room again. While it is full, a push that the phone would hold is dropped, and the
// app, which gets an event, should behave as if it could not write.
func (s *settings) SetDiskFull(full bool) {
	s.set(func(f *facts) { f.diskFull = full })
	state := phoneline.Free
	if full {
		state = phoneline.Full
	}
	s.app.send(phoneline.Event{Kind: phoneline.Disk, State: state})
}

// SetClock sets the phone's clock wrong by off (0: right). What the clock shows is in the device log, in the record, and in the
// events that the app gets; the system waits and paces by the right time.
func (s *settings) SetClock(off time.Duration) {
	s.clock.set(off)
	s.record.change()
	s.system.release()
}

// Shown makes the app show something to the person, such as a notification. The high-priority messages that it got before then have
// had a visible result, so that FCM does not count them against it. They still count towards what its bucket allows in a day.
func (s *settings) Shown() { s.setStandby(standby.shown) }

func (s *settings) setStandby(change func(standby) standby) {
	s.budgets.changeStandby(change)
	s.record.change()
	s.system.release()
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
func (s *settings) Facts() Facts {
	f, standby := s.conditions.get(), s.budgets.currentStandby()
	bucket := standby.bucket
	if bucket == "" {
		bucket = Active
	}
	return Facts{
		Online: f.online, LowPower: f.lowPower, BackgroundRefresh: !f.refreshOff, Charging: f.charging, Dozing: f.dozing,
		PowerRestricted: f.restricted, ScreenLock: f.screenLock, Locked: f.locked, DirectBoot: f.directBoot,
		DiskFull: f.diskFull, SwipeForceStops: f.forceSwipe, Clock: s.clock.off(), Bucket: bucket, OSVersion: standby.osVersion,
	}
}
