package phonetest

// device is what all parts of a phone share.
type device struct {
	spec   *Spec // never changes
	fleet  *Fleet
	clock  *phoneClock
	record *record
}

func newDevice(f *Fleet, s Spec) device {
	clock := &phoneClock{fleet: &f.clock}
	return device{spec: &s, fleet: f, clock: clock, record: newRecord(s.Name, f, clock)}
}
