package api_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func TestALargePushSaysWhetherItIsExpandedAndHowItsDeliveriesStand(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, w *world) {
		w.notes()
		w.phone("notes", "alice", "d1")
		users := []string{`"alice"`}
		for i := range 2_000 {
			users = append(users, fmt.Sprintf(`"user %d"`, i))
		}
		body := `{"resource_id": "both", "to": {"users": [` + strings.Join(users, ",") + `]}}`
		var accepted protocol.PushAccepted
		w.must(202, "POST", "/v1/apps/notes/pushes", body).into(t, &accepted)
		if *accepted.Deliveries != 2_001 || len(accepted.Warnings) != 2_000 {
			t.Errorf("%d deliveries, %d warnings; want 2 001 and 2 000", *accepted.Deliveries, len(accepted.Warnings))
		}
		var p protocol.Push
		eventually(t, "all deliveries are made", func() bool {
			p = protocol.Push{}
			w.must(200, "GET", "/v1/apps/notes/pushes/"+accepted.PushID, "").into(t, &p)
			return p.Expanded
		})
		if want := map[push.State]int{push.Waiting: 2_001}; !maps.Equal(p.Counts, want) {
			t.Errorf("counts %v; want %v", p.Counts, want)
		}
		var cancelled protocol.Cancelled
		if w.must(200, "DELETE", "/v1/apps/notes/pushes/"+accepted.PushID, "").into(t, &cancelled); cancelled.Cancelled != 2_001 {
			t.Errorf("%d cancelled; want 2 001", cancelled.Cancelled)
		}
	})
}
