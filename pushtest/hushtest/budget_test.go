package hushtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/hushtest"
)

// The server's time is real time and cannot be advanced. A test that is about a budget puts the resource again: Hush then
// looks at once at all that waits for it.
func TestABudgetIsTriedWithoutWaitingForIt(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	putBudget(t, hush, protocol.Budget{Wakes: 1, Per: "1h", Burst: 1})
	register(t, hush, "alice")

	hush.WaitState(t, hush.Send(t, "alice", "sync", "first"), push.Sent)
	second := hush.Send(t, "alice", "sync", "second")
	hush.WaitReason(t, second, push.Waiting, push.ReasonBudget)
	hush.APNs.Advance(2 * time.Hour) // the simulator's hours are not the budget's
	hush.WaitReason(t, second, push.Waiting, push.ReasonBudget)

	putBudget(t, hush, protocol.Budget{Wakes: 10, Per: "1h", Burst: 10})
	hush.WaitState(t, second, push.Sent)
}

// A short budget shows the waiting and its end.
func TestAShortBudgetEndsByItself(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	putBudget(t, hush, protocol.Budget{Wakes: 1, Per: "1s", Burst: 1})
	register(t, hush, "alice")
	for _, payload := range []string{"first", "second", "third"} {
		hush.WaitState(t, hush.Send(t, "alice", "sync", payload), push.Sent)
	}
}

func putBudget(t *testing.T, hush *hushtest.Server, b protocol.Budget) {
	t.Helper()
	if _, _, err := hush.PutResource(t.Context(), hushtest.App, "sync", protocol.Resource{APNs: &protocol.Strategy{Budget: &b}}); err != nil {
		t.Fatal(err)
	}
}

// register makes a phone of the user known to APNs and to Hush. No app runs on it: its pushes are sent, and not handled.
func register(t *testing.T, hush *hushtest.Server, user string) {
	t.Helper()
	token := strings.Repeat("ab", 32)
	if err := hush.APNs.Register(apnstest.Token{Token: token, Topic: hushtest.BundleID, Online: true}); err != nil {
		t.Fatal(err)
	}
	line := protocol.ImportLine{User: user, DeviceRequest: protocol.DeviceRequest{
		DeviceID: user + "-1", Platform: push.IOS, BundleID: hushtest.BundleID, Environment: push.Production, ProviderToken: &token,
	}}
	results, err := hush.ImportDevices(t.Context(), hushtest.App, []protocol.ImportLine{line})
	if err != nil || results[0].Problem != nil {
		t.Fatalf("importing a device: %+v, %v", results, err)
	}
}
