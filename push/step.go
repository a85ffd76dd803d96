package push

import "time"

// StepRequest says which device to look at, and how much of it to read.
type StepRequest struct {
	Key       DeviceKey
	OpenLimit int    // how many open deliveries, oldest first; 0: none, only their number
	Named     []ID   // deliveries to be read whatever their state
	NamedOf   string // whose they are; "": the device's owner's
}

// Snapshot is what one transaction read of one device, locked until the Changes are committed.
type Snapshot struct {
	Device     Device              // its zero value if there is no such device
	Open       []Delivery          // open deliveries, oldest first, as many as were asked for; payloads up to a wake's size
	OpenTotal  int                 // open deliveries in all
	NextExpiry time.Time           // the earliest ExpiresAt of those beyond Open; zero if there are none
	Named      []Delivery          // the deliveries asked for by id that exist, in any state
	Resources  map[string]Resource // those of Open
	Topics     []string            // iOS: the bundle ids that the app's APNs credential is for; none: any, or there is no credential
}

// Changes is what is to be committed of a look at one device. Its zero value changes nothing.
type Changes struct {
	Deliveries []Change
	Device     *Device // wake, wake times, token state, app state, HeardAt, the loss of the token and DueAt as they are to be; nil: as they are
}

// Settlement is the changes of one device that were decided on what an earlier look had left, without reading it again. They
// apply only if all is still as it was left.
type Settlement struct {
	Left    *Device    // as the look left it
	Open    []Delivery // what it left open, without the events that were decided on since
	Changes Changes
}
