package timeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/internal/timeline"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func TestAnEventFitsTheTerminalWhereItCan(t *testing.T) {
	t.Parallel()
	e := protocol.AppEvent{
		PushID: "0198c0de-7b1c-7c3d-9a52-1f2e3d4c5b6a", ResourceID: "sync-notes", DeviceID: "0198c0de-1111-7c3d-9a52-1f2e3d4c5b6a", User: "alice\x1b",
		State: push.Handled, Event: protocol.Event{At: time.Now(), Event: push.EventName(push.Handled), Result: push.NewData, Path: push.PathAPNs, Took: "120ms"},
	}
	one := timeline.AppEvent(e, 0, terminal.Style{})
	if strings.Contains(one, "\n") || !strings.HasSuffix(one, "5b6a of alice\uFFFD new_data by apns in 120ms") {
		t.Errorf("not on a terminal: %q; want one line, without what steers terminals", one)
	}
	drawn := timeline.AppEvent(e, 80, terminal.Style{})
	for _, line := range strings.Split(drawn, "\n") {
		if n := len([]rune(line)); n > 80 {
			t.Errorf("a line of %d columns: %q; want at most 80", n, line)
		}
	}
	if strings.Join(strings.Fields(drawn), " ") != strings.Join(strings.Fields(one), " ") || !strings.Contains(drawn, string(e.PushID)) {
		t.Errorf("on a terminal %q; want what stands in %q, and the whole id in one piece", drawn, one)
	}
}
