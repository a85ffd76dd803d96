package push_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func TestAFullTimelineCountsWhatRepeatsAndKeepsWhatComesOnce(t *testing.T) {
	t.Parallel()
	events := func(names ...push.EventName) (list []push.Event) {
		for _, n := range names {
			list = append(list, push.Event{Event: n})
		}
		return list
	}
	for _, c := range []struct {
		name    string
		kept    int
		events  []push.Event
		keep    []push.Event
		leftOut int
	}{
		{"room for all", 0, events("sent", "wake_sent"), events("sent", "wake_sent"), 0},
		{"room for one", push.MaxEvents - 1, events("wake_sent", "wake_answered"), events("wake_sent"), 1},
		{"full", push.MaxEvents, events("waiting", "sent", "received"), nil, 3},
		{"full, and final", push.MaxEvents, events("wake_answered", "expired"), events("expired"), 1},
		{"full, and late", push.MaxEvents, events("handled_late"), events("handled_late"), 0},
	} {
		keep, leftOut := push.KeepEvents(c.kept, c.events)
		if !slices.Equal(keep, c.keep) || leftOut != c.leftOut {
			t.Errorf("%s: kept %v, left out %d; want %v, %d", c.name, keep, leftOut, c.keep, c.leftOut)
		}
	}
}

func TestWhatWasLeftOutStandsWhereItsLastEventWas(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	timeline := []push.Event{{At: at(1), Event: "waiting"}, {At: at(5), Event: "expired"}}
	got := push.WithLeftOut(slices.Clone(timeline), 7, at(4))
	if len(got) != 3 || got[1] != (push.Event{At: at(4), Event: push.EventLeftOut, Count: 7}) || got[2] != timeline[1] {
		t.Errorf("timeline %+v; want waiting, 7 left out, expired", got)
	}
	if got := push.WithLeftOut(timeline, 0, time.Time{}); !slices.Equal(got, timeline) {
		t.Errorf("timeline %+v with nothing left out; want it as it was", got)
	}
}
