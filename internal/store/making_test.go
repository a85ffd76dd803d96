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
	b.pieceMade("notes", "p", from, false)
	for _, c := range []struct {
		after time.Duration
		made  bool // the next piece is made
		want  bool // devices wait
	}{
		{200 * time.Millisecond, true, true},
		{400 * time.Millisecond, true, true},
		{800 * time.Millisecond, false, false}, // the next piece is overdue
	} {
		if got := b.active(from.Add(c.after))["notes"]; got != c.want {
			t.Errorf("after %s: devices wait %v, want %v", c.after, got, c.want)
		}
		if c.made {
			b.pieceMade("notes", "p", from.Add(c.after), false)
		}
	}
	for after := time.Duration(0); after <= allPieces; after += nextPiece / 2 {
		b.pieceMade("notes", "p", from.Add(after), false)
	}
	if b.active(from.Add(allPieces))["notes"] {
		t.Errorf("devices wait for longer than %s", allPieces)
	}
}

func TestWhoWatchesIsToldOfWhatIsNotNamed(t *testing.T) {
	t.Parallel()
	s := &Store{watch: newWatchers(), db: &sqliteEngine{}}
	id := push.NewID()
	watch := s.Watch(id)
	defer watch.Stop()
	s.watch.publish(map[push.ID][]push.DeliveryKey{id: nil}, map[push.ID]bool{id: true})
	if keys, many := watch.Next(); !many || len(keys) != 0 {
		t.Errorf("%v, any may have changed: %v; want that", keys, many)
	}
}

// TestTheEndOfOneBroadcastIsNotThatOfAnother makes two broadcasts of one app, and ends one of them.
func TestTheEndOfOneBroadcastIsNotThatOfAnother(t *testing.T) {
	var b broadcasts
	from := time.Now()
	b.pieceMade("notes", "short", from, false)
	b.pieceMade("notes", "long", from, false)
	b.pieceMade("notes", "short", from, true)
	if !b.active(from)["notes"] {
		t.Error("looks do not wait for the one that goes on")
	}
	for d := time.Duration(0); d <= allPieces; d += nextPiece / 2 {
		b.pieceMade("notes", "long", from.Add(d), false)
	}
	if b.active(from.Add(allPieces))["notes"] {
		t.Error("looks wait longer than for all pieces")
	}
	b.pieceMade("notes", "long", from.Add(allPieces), true)
	if b.pieceMade("notes", "next", from.Add(allPieces), false); !b.active(from.Add(allPieces))["notes"] {
		t.Error("looks do not wait for the next broadcast")
	}
}
