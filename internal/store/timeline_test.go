package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hushpush/hush/internal/store/storetest"
	"github.com/hushpush/hush/push"
)

func TestReceiptsThatSayNothingNewCostNoWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite.Empty(t))
	w.AddDevice("notes", "alice", "d1", push.IOS)
	p := storetest.PushTo(storetest.ToUsers("alice"), "x")
	w.MustAccept(p)
	if _, _, err := w.Cancel(storetest.Context(t), "notes", p.ID); err != nil {
		t.Fatal(err)
	}
	w.Handle("d1", p.ID)
	before := w.walBytes()
	for range 50 {
		w.Handle("d1", p.ID)
	}
	if after := w.walBytes(); after != before {
		t.Errorf("the write-ahead log grew from %d to %d bytes with repeated receipts; want no write", before, after)
	}
	if events := w.AllDeliveries(p.ID)[0].Events; len(events) != 3 {
		t.Errorf("timeline %v; want waiting, cancelled, handled_late", fmt.Sprint(events))
	}
}

func (w *world) walBytes() int64 {
	w.T.Helper()
	info, err := os.Stat(filepath.Join(w.Config.DataDir, "hush.db-wal"))
	if err != nil {
		w.T.Fatal(err)
	}
	return info.Size()
}
