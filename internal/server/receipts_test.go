package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/hushtest"
)

func TestRepeatedReceiptsLeaveOneEventForEachResult(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	credential := registerAndroid(t, hush, "alice", "d1")
	cancelled, open := hush.Send(t, "alice", "ios-only", "x"), hush.Send(t, "alice", "ios-only", "y")
	hush.WaitReason(t, cancelled, push.Waiting, push.ReasonNoStrategy)
	hush.WaitReason(t, open, push.Waiting, push.ReasonNoStrategy)
	if _, err := hush.Cancel(t.Context(), hushtest.App, cancelled); err != nil {
		t.Fatal(err)
	}
	kinds := []string{
		`"event": "received"`, `"event": "handled", "result": "new_data"`, `"event": "handled", "result": "no_data"`, `"event": "handled", "result": "failed"`, `"event": "crashed"`,
	}
	var receipts []string
	for i := range protocol.MaxReceipts {
		id := cancelled
		if i%2 == 1 {
			id = open
		}
		receipts = append(receipts, fmt.Sprintf(`{"push_id": %q, %s, "path": "inbox"}`, id, kinds[i/2%len(kinds)]))
	}
	for range 5 {
		status, answer := ask(t, hush, http.MethodPost, "/v1/receipts", "", credential, `{"receipts": [`+strings.Join(receipts, ",")+`]}`)
		if status != http.StatusOK || strings.Count(answer, `"accepted"`) != protocol.MaxReceipts {
			t.Fatalf("%d %.200s; want all accepted", status, answer)
		}
	}
	for id, want := range map[string]string{cancelled: "waiting waiting cancelled handled_late handled_late handled_late", open: "waiting waiting received handled"} {
		var names []string
		for _, e := range hush.Timeline(t, id).Deliveries[0].Events {
			names = append(names, string(e.Event))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("the timeline is %q; want %q", got, want)
		}
	}
	if d := hush.Timeline(t, cancelled).Deliveries[0]; d.State != push.Cancelled {
		t.Errorf("the cancelled push is %s; want cancelled", d.State)
	}
}

// registerAndroid registers a device by hand and returns its credential.
func registerAndroid(t *testing.T, hush *hushtest.Server, user, id string) string {
	t.Helper()
	status, answer := putDevice(t, hush, hush.Token(t, user), "", fmt.Sprintf(`{"device_id": %q, "platform": "android"}`, id))
	_, rest, found := strings.Cut(answer, `"credential":"`)
	credential, _, _ := strings.Cut(rest, `"`)
	if status != http.StatusOK || !found {
		t.Fatalf("registering %s of %s: %d %s", id, user, status, answer)
	}
	return credential
}
