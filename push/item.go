package push

import "time"

// ItemKind says what an item is.
type ItemKind string

// ItemPush is a PushItem.
const ItemPush ItemKind = "push"

// ItemKinds lists the kinds. Each has a line in the gateway's table of frames and in the table of a wake's lists.
func ItemKinds() []ItemKind { return []ItemKind{ItemPush} }

// Item is something for a device, whichever way it goes there: a session writes it as a frame, and a wake carries it in the
// list of its kind.
type Item interface {
	Kind() ItemKind
	Owner() int // the owner generation of the device that it is for; 0: whichever there is
}

// PushItem is a push as it goes to a device.
type PushItem struct {
	ID           ID
	ResourceID   string
	Payload      []byte // nil although PayloadBytes is not 0: it is large, and is read when it is needed, or fetched
	PayloadBytes int
	AcceptedAt   time.Time
	ExpiresAt    time.Time
	Generation   int
}

// Kind returns ItemPush.
func (PushItem) Kind() ItemKind { return ItemPush }

// Owner returns the owner generation that the push was accepted for.
func (p PushItem) Owner() int { return p.Generation }

// Whole reports whether the item has its payload.
func (p PushItem) Whole() bool { return p.Payload != nil || p.PayloadBytes == 0 }

// Item returns the delivery as it goes to its device.
func (d Delivery) Item() PushItem {
	return PushItem{d.PushID, d.ResourceID, d.Payload, d.PayloadBytes, d.AcceptedAt, d.ExpiresAt, d.Generation}
}
