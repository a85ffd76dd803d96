package store

import (
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func TestABroadcastHoldsUpItsDevicesForAWhile(t *testing.T) {
	t.Parallel()
	var b broadcasts
	from := time.Now()
	b.made("notes", from, false)
	for _, c := range []struct {
		after time.Duration
		made  bool // the next piece is
		want  bool // devices wait
	}{
		{200 * time.Millisecond, true, true},
		{400 * time.Millisecond, true, true},
		{800 * time.Millisecond, false, false}, // one was missed
	} {
		if got := b.now(from.Add(c.after))["notes"]; got != c.want {
			t.Errorf("after %s: devices wait %v, want %v", c.after, got, c.want)
		}
		if c.made {
			b.made("notes", from.Add(c.after), false)
		}
	}
	for after := time.Duration(0); after <= allPieces; after += nextPiece / 2 {
		b.made("notes", from.Add(after), false)
	}
	if b.now(from.Add(allPieces))["notes"] {
		t.Errorf("devices wait for longer than %s", allPieces)
	}
}

func TestWhoWatchesIsToldOfWhatIsNotNamed(t *testing.T) {
	t.Parallel()
	s := &Store{watch: newWatchers(), db: &sqliteEngine{}}
	id := push.NewID()
	watch := s.Watch(id)
	defer watch.Stop()
	s.watch.tell(map[push.ID][]push.DeliveryKey{id: nil}, map[push.ID]bool{id: true})
	if keys, many := watch.Take(); !many || len(keys) != 0 {
		t.Errorf("%v, any may have changed: %v; want that", keys, many)
	}
}
