package sdk

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, path string) *dir {
	t.Helper()
	d, err := openDir(path, func() time.Time { return noon }, &clock{now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}

func handled(id string) protocol.Receipt {
	return protocol.Receipt{PushID: id, Event: push.ReceiptHandled, Result: NewData, Path: push.PathAPNs}
}

func claimed(t testing.TB, d *dir, id string) (verdict, FetchResult) {
	t.Helper()
	v, result, err := d.claim(id, d.ledger.self.owner(), noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return v, result
}

func TestClaimForAnotherOwnerOrAfterLogoutIsForeign(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	of := owner{"d", "c"}
	for name, s := range map[string]identity{
		"another owner's":  {Device: "d", Credential: "another"},
		"another device's": {Device: "e", Credential: "c"},
		"after a logout":   {Device: "d", Credential: "c", LoggedOut: true},
	} {
		if _, err := d.update(func(now *identity) { *now = s }); err != nil {
			t.Fatal(err)
		}
		if v, _, err := d.claim("p", of, noon.Add(time.Minute)); v != isForeign || err != nil {
			t.Errorf("a claim for %v, now %s: %d, %v; want isForeign", of, name, v, err)
		}
	}
}

func TestClaimIsTakenOnceAmongAllThatShareADirectory(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	one, other := open(t, path), open(t, path)
	if v, _ := claimed(t, one, "p"); v != mayRun {
		t.Fatalf("the first claim gave %d, want mayRun", v)
	}
	if v, _ := claimed(t, other, "p"); v != isBusy {
		t.Errorf("the second claim gave %d, want isBusy", v)
	}
	if _, err := one.end(handled("p")); err != nil {
		t.Fatal(err)
	}
	if v, result := claimed(t, other, "p"); v != isDone || result != NewData {
		t.Errorf("a claim after the end gave %d %q, want isDone new_data", v, result)
	}
	if v, result := claimed(t, open(t, path), "p"); v != isDone || result != NewData {
		t.Errorf("a claim after a restart gave %d %q, want isDone new_data", v, result)
	}
}

func TestStartsWithoutReturnAreCountedAndTheFourthClaimIsRefused(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	for i := range maxStarts {
		d := open(t, path)
		if v, _ := claimed(t, d, "p"); v != mayRun {
			t.Fatalf("claim %d gave %d, want mayRun", i+1, v)
		}
		d.close() // it cannot return any more
	}
	if v, _ := claimed(t, open(t, path), "p"); v != hasFallen {
		t.Errorf("the claim after %d starts gave %d, want hasFallen", maxStarts, v)
	}
}

func TestTornLastLineIsPassedOverAndWhatFollowsIsRead(t *testing.T) {
	t.Parallel()
	whole := encode(record{At: noon.UnixMilli(), End: ptr(handled("torn"))})
	for cut := range len(whole) {
		path := t.TempDir()
		d := open(t, path)
		device := d.ledger.self.Device
		appendFile(t, filepath.Join(path, "hush.journal"), whole[:cut]) // the process was killed here
		next := open(t, path)
		if next.ledger.self.Device != device {
			t.Fatalf("cut at %d: the device's id is %q, want %q", cut, next.ledger.self.Device, device)
		}
		if _, err := next.end(handled("after")); err != nil {
			t.Fatal(err)
		}
		last := open(t, path)
		if v, _ := claimed(t, last, "after"); v != isDone {
			t.Errorf("cut at %d: what was written after the torn line is %d, want isDone", cut, v)
		}
	}
}

func TestCompactingChangesNothingThatIsStillOfUse(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	if _, err := d.update(func(s *identity) { s.Credential = "secret" }); err != nil {
		t.Fatal(err)
	}
	claimed(t, d, "begun")
	_, _ = d.end(handled("unsent"))
	_, _ = d.end(handled("sent"))
	_ = d.sent([]string{"sent"})
	old := record{At: noon.Add(-seenFor - time.Hour).UnixMilli(), End: ptr(handled("old"))}
	oldSent := record{At: noon.UnixMilli(), Sent: []string{"old"}}
	if err := d.change(func(*ledger) []record { return []record{old, oldSent} }); err != nil {
		t.Fatal(err)
	}
	if err := d.journal.replace(encode(d.ledger.compacted(noon)...)); err != nil {
		t.Fatal(err)
	}
	got := open(t, d.path).ledger
	want := d.ledger
	delete(want.ended, "old")
	if !maps.Equal(got.ended, want.ended) || !maps.Equal(got.unsent, want.unsent) || got.self != want.self || !reflect.DeepEqual(got.begun, want.begun) {
		t.Errorf("after compacting:\n%+v\nwant\n%+v", got, want)
	}
}

func TestLongJournalIsCompactedAndSeenIDsOlderThanSixtyDaysAreForgotten(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	var many []record
	for i := range 2_000 {
		id := fmt.Sprint("p", i)
		many = append(many, record{At: noon.Add(-seenFor - time.Hour).UnixMilli(), End: ptr(handled(id))}, record{At: noon.UnixMilli(), Sent: []string{id}})
	}
	began := time.Now()
	d.clock = &clock{now: func() time.Time { return noon.Add(time.Since(began)) }}
	if err := d.change(func(*ledger) []record { return many }); err != nil {
		t.Fatal(err)
	}
	if v, _ := claimed(t, d, "p1"); v != isDone {
		t.Errorf("while the server's time is a guess, a push that ended over 60 days ago by it is %d, want isDone", v)
	}
	d.clock.hear(noon)
	if _, err := d.end(handled("one more")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(d.journal.path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 10_000 {
		t.Errorf("the journal has %d bytes after compacting, want hardly any", info.Size())
	}
	if v, _ := claimed(t, d, "p1"); v != mayRun {
		t.Errorf("a push that ended over 60 days ago is %d, want mayRun", v)
	}
}

func TestJournalIsReadableByItsOwnerOnly(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	info, err := os.Stat(d.journal.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600: it holds the credential", info.Mode(), err)
	}
}

func FuzzJournal(f *testing.F) {
	f.Add(encode(record{Self: &identity{Device: "d"}}, record{Start: &start{Push: "p"}}, record{End: ptr(handled("p"))}, record{Sent: []string{"p"}}))
	f.Add([]byte("{\n\n{\"start\":{\"push\":\"\"}}\nnull\n[]\n\x00\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := t.TempDir()
		if err := os.WriteFile(filepath.Join(path, "hush.journal"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := openDir(path, func() time.Time { return noon }, &clock{now: func() time.Time { return noon }})
		if err != nil {
			t.Fatal(err)
		}
		defer d.close()
		if _, err := d.end(handled("mine")); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte("mine")) {
			return
		}
		again, err := openDir(path, func() time.Time { return noon }, &clock{now: func() time.Time { return noon }})
		if err != nil {
			t.Fatal(err)
		}
		defer again.close()
		if _, done := again.ledger.ended["mine"]; !done {
			t.Errorf("what was appended to %q is not found again", content)
		}
		if again.ledger.self.Device == "" {
			t.Error("the device has no id")
		}
	})
}

// FuzzLedger gives lines to the ledger without a disk, because the disk makes FuzzJournal slow.
func FuzzLedger(f *testing.F) {
	f.Add(encode(record{Start: &start{Push: "p", By: process{PID: -1}}}, record{End: ptr(handled("q"))}, record{Sent: []string{"q"}}))
	f.Fuzz(func(t *testing.T, content []byte) {
		read := func(content []byte) ledger {
			l := newLedger()
			for line := range bytes.Lines(content) {
				if r, ok := decode(bytes.TrimSuffix(line, []byte{'\n'})); ok {
					l.apply(r)
				}
			}
			return l
		}
		l := read(content)
		for id := range l.begun {
			if _, done := l.ended[id]; done {
				t.Errorf("%q: push %q has begun and ended", content, id)
			}
			l.verdictOn(id, noon)
		}
		if again := read(encode(l.compacted(time.UnixMilli(0))...)); len(again.ended) != len(l.ended) || again.self != l.self {
			t.Errorf("%q: compacted to %+v, want %+v", content, again, l)
		}
	})
}

func appendFile(t testing.TB, path string, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(b)
	if err != nil || f.Close() != nil {
		t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }
