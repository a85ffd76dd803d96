package worldtest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/worldtest"
)

// history has one client use a seeded world for some days, and returns all that providers and phones did.
func history(t *testing.T, seed uint64) (lines []string) {
	t.Helper()
	w := worldtest.New(t, nil, worldtest.Seed(seed))
	defer w.Close()
	s := newSender(t, w)
	s.statusOnly = true
	phones := []*phonetest.Phone{
		w.IOS(t, phonetest.Suspended), w.Android(t, phonetest.Doze), w.IOS(t, phonetest.Reclaimed), w.Android(t, phonetest.Background),
	}
	must(t, w, "POST", "/faults", `{"match":{},"do":"lose","rate":0.2}`, nil)
	for i := range 120 {
		p := phones[(i*i+i/3)%len(phones)]
		p.SetOnline(i%17 < 12)
		lines = append(lines, fmt.Sprint(p.Token(), s.push(t, p.Platform(), p.Token(), fmt.Sprint("m", i))))
		if i%10 == 9 {
			w.Advance(37 * time.Minute)
		}
	}
	for _, p := range phones {
		p.SetOnline(true)
	}
	w.Advance(24 * time.Hour)
	for _, p := range phones {
		for _, r := range p.Records() {
			lines = append(lines, fmt.Sprint(p.Name(), r.Did, r.Reason, r.State, r.Result))
		}
		for _, l := range p.Log() {
			lines = append(lines, p.Name()+" "+l.Text)
		}
	}
	var page worldtest.RequestPage
	must(t, w, "GET", "/requests", "", &page)
	for _, r := range page.Requests {
		lines = append(lines, fmt.Sprint(r.Provider, r.ID, r.Token, r.Status, r.Reason, r.Outcome))
	}
	return lines
}

func TestTheSameSeedAndClientMakeTheSameWorld(t *testing.T) {
	t.Parallel()
	want := history(t, 3)
	for range 2 {
		got := history(t, 3)
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Fatalf("line %d is %q, at the first run it was %q", i, got[i], want[i])
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d lines, at the first run %d", len(got), len(want))
		}
	}
	if slices.Equal(history(t, 4), want) {
		t.Error("another seed changed nothing")
	}
}
