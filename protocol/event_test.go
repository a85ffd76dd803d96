package protocol_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func TestAnEventsJSONHasAllOfAProvidersAnswerAndNothingElseThatIsEmpty(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		event protocol.Event
		want  string
	}{
		{protocol.Event{At: at, Event: "waiting"}, `{"at":"2026-01-02T15:04:05Z","event":"waiting","reason":""}`},
		{
			protocol.Event{At: at, Event: push.EventWakeAnswered, Provider: push.APNs, Status: 200, ProviderID: "x", Attempt: 1},
			`{"at":"2026-01-02T15:04:05Z","event":"wake_answered","reason":"","provider":"apns","attempt":1,` +
				`"status":200,"provider_reason":"","provider_id":"x"}`,
		},
		{
			protocol.Event{At: at, Event: push.EventWakeAnswered, Provider: push.FCM, Attempt: 2, Unclear: true, Fault: push.FaultProvider},
			`{"at":"2026-01-02T15:04:05Z","event":"wake_answered","reason":"","provider":"fcm","attempt":2,"unclear":true,` +
				`"fault":"provider","status":0,"provider_reason":"","provider_id":""}`,
		},
		{
			protocol.Event{At: at, Event: push.EventWakeFailed, Provider: push.APNs, Attempt: 1, Fault: push.FaultProvider, Error: push.FailureRefused, Detail: "x"},
			`{"at":"2026-01-02T15:04:05Z","event":"wake_failed","reason":"","provider":"apns","attempt":1,"fault":"provider","error":"refused","detail":"x"}`,
		},
	} {
		got, err := json.Marshal(c.event)
		if err != nil || string(got) != c.want {
			t.Errorf("%+v\n got %s, %v\nwant %s", c.event, got, err, c.want)
		}
		var back protocol.Event
		if err := json.Unmarshal(got, &back); err != nil || back != c.event {
			t.Errorf("read back: %+v, %v; want %+v", back, err, c.event)
		}
	}
}
