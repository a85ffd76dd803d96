package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/protocol"
)

func TestAUserHasTwentyDevicesAtMost(t *testing.T) {
	t.Parallel()
	w := setupServer(t, config.Config{})
	w.notes()
	for i := range 20 {
		w.phone("notes", "alice", fmt.Sprint("d", i))
	}
	const body = `{"device_id": "one-more", "platform": "android"}`
	refused := w.request("PUT", "/v1/device", body, "Authorization", "Bearer "+w.token("notes", "alice"))
	refused.is(t, "the 21st device", 409, "conflict")
	if !strings.Contains(refused.body, "limits.devices_per_user") {
		t.Errorf("the refusal %s; want it to name the setting", refused.body)
	}
	w.phone("notes", "bob", "bob's")
	renewed := w.phone("notes", "bob", "bob's other")
	if a := w.request("PUT", "/v1/device", `{"device_id": "bob's other", "platform": "android"}`, "Hush-Device", renewed); a.status != 200 {
		t.Errorf("a renewal: %d %s; want 200", a.status, a.body)
	}
}

func TestAnImportRefusesTheLinesAboveTheLimit(t *testing.T) {
	t.Parallel()
	w := setupServer(t, config.Config{Limits: config.Limits{DevicesPerUser: 3}})
	w.notes()
	var lines []string
	for i := range 5 {
		lines = append(lines, fmt.Sprintf(`{"device_id": "i%d", "platform": "android", "user": "alice"}`, i))
	}
	a := w.root("POST", "/v1/apps/notes/devices/import", strings.Join(lines, "\n"))
	imported := 0
	for _, r := range importResults(t, strings.NewReader(a.body)) {
		switch {
		case r.Status == 201:
			imported++
		case r.Status != 409 || r.Problem.Code != "conflict":
			t.Errorf("line %d: %+v; want 201, or 409 conflict", r.Line, r)
		}
	}
	var page protocol.Devices
	w.must(200, "GET", "/v1/apps/notes/users/alice/devices", "").into(t, &page)
	if imported != 3 || len(page.Devices) != 3 {
		t.Errorf("%d imported, %d devices; want 3", imported, len(page.Devices))
	}
}
