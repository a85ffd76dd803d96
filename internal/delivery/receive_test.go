package delivery

import (
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func TestReceiptsThatSayNothingNewChangeNothing(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	device := push.Device{App: "notes", ID: "d1", User: "alice", Platform: push.IOS, OwnerGeneration: 1, HeardAt: now, DueAt: now.Add(time.Hour)}
	delivery := func(id push.ID, state push.State) push.Delivery {
		return push.Delivery{PushID: id, App: "notes", DeviceID: "d1", State: state, Generation: 1, DueAt: now.Add(time.Minute)}
	}
	snap := push.Snapshot{Device: device, OpenTotal: 1, Named: []push.Delivery{delivery("received", push.Received), delivery("handled", push.Handled)}}
	receipts := []push.Receipt{
		{PushID: "received", Event: push.ReceiptReceived}, {PushID: "handled", Event: push.ReceiptHandled, Result: push.Failed},
		{PushID: "handled", Event: push.ReceiptCrashed}, {PushID: "nobody's", Event: push.ReceiptCrashed},
	}
	if _, open, c := receive(now, snap, device, receipts); len(c.Deliveries) != 0 || c.Device != nil || open != 1 {
		t.Errorf("changes %+v, %d open; want none, 1", c, open)
	}
	snap.Device.HeardAt = now.Add(-6 * time.Minute)
	if _, _, c := receive(now, snap, device, receipts); len(c.Deliveries) != 0 || c.Device == nil || !c.Device.HeardAt.Equal(now) || !c.Device.DueAt.Equal(device.DueAt) {
		t.Errorf("changes %+v; want the day on which the device was heard, and no more", c)
	}
}
