package push_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func TestAnEventsJSONHasAllOfAProvidersAnswerAndNothingElseThatIsEmpty(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		event push.Event
		want  string
	}{
		{push.Event{At: at, Event: "waiting"}, `{"at":"2026-01-02T15:04:05Z","event":"waiting","reason":""}`},
		{
			push.Event{At: at, Event: push.EventWakeAnswered, Provider: push.APNs, Status: 200, ProviderID: "x", Attempt: 1},
			`{"at":"2026-01-02T15:04:05Z","event":"wake_answered","reason":"","provider":"apns","attempt":1,` +
				`"status":200,"provider_reason":"","provider_id":"x"}`,
		},
		{
			push.Event{At: at, Event: push.EventWakeAnswered, Provider: push.FCM, Attempt: 2, Unclear: true, Fault: push.FaultProvider},
			`{"at":"2026-01-02T15:04:05Z","event":"wake_answered","reason":"","provider":"fcm","attempt":2,"unclear":true,` +
				`"fault":"provider","status":0,"provider_reason":"","provider_id":""}`,
		},
		{
			push.Event{At: at, Event: push.EventWakeFailed, Provider: push.APNs, Attempt: 1, Fault: push.FaultProvider, Error: push.FailureRefused, Detail: "x"},
			`{"at":"2026-01-02T15:04:05Z","event":"wake_failed","reason":"","provider":"apns","attempt":1,"fault":"provider","error":"refused","detail":"x"}`,
		},
	} {
		got, err := json.Marshal(c.event)
		if err != nil || string(got) != c.want {
			t.Errorf("%+v\n got %s, %v\nwant %s", c.event, got, err, c.want)
		}
		var back push.Event
		if err := json.Unmarshal(got, &back); err != nil || back != c.event {
			t.Errorf("read back: %+v, %v; want %+v", back, err, c.event)
		}
	}
}

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
		keep, leftOut := push.Keep(c.kept, c.events)
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
