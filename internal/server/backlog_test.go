package server_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

const backlogLimit = 20

// onBothLimited runs a test on a server whose backlog has a limit, with an Android device of each of so many users, and a
// client that tries everything once.
func onBothLimited(t *testing.T, devices int, tokens bool, test func(t *testing.T, hush *hushtest.Server, once *client.Client)) {
	t.Helper()
	for engine, opts := range map[string]func(*testing.T) []hushtest.Option{
		"sqlite":   func(*testing.T) []hushtest.Option { return nil },
		"postgres": func(t *testing.T) []hushtest.Option { return []hushtest.Option{hushtest.Database(pgtest.URL(t))} },
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			// A wake that timed out is tried again at once: as long as the provider hangs, the backlog stays.
			hush := hushtest.Start(t, append(opts(t), hushtest.Backlog(backlogLimit), hushtest.RetryWait(time.Millisecond))...)
			lines := make([]protocol.ImportLine, devices)
			for i := range lines {
				lines[i] = protocol.ImportLine{User: user(i), DeviceRequest: protocol.DeviceRequest{
					DeviceID: fmt.Sprint("phone-", i), Platform: push.Android, Package: "com.example.notes"}}
				if !tokens {
					continue
				}
				token := newToken(sdk.Android)
				lines[i].ProviderToken = &token
				if err := hush.FCM.Register(fcmtest.Token{Token: token}); err != nil {
					t.Fatal(err)
				}
			}
			results, err := hush.ImportDevices(t.Context(), hushtest.App, lines)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				if r.Status != http.StatusCreated {
					t.Fatalf("the import of %s: %+v", r.DeviceID, r.Problem)
				}
			}
			eventually(t, "the new devices are looked at", func() bool {
				b := statusOf(t, hush).Backlog
				return b.Due+b.InMemory+b.InWork == 0
			})
			once, err := client.New(client.Config{Server: hush.URL, Key: push.Secret(hush.Key), Tries: 1})
			if err != nil {
				t.Fatal(err)
			}
			test(t, hush, once)
		})
	}
}

func user(i int) string { return fmt.Sprint("user-", i) }

func TestPushesAreRefusedPastTheLimitAndTakenAgain(t *testing.T) {
	t.Parallel()
	const devices = 150
	onBothLimited(t, devices, true, func(t *testing.T, hush *hushtest.Server, once *client.Client) {
		fault, err := hush.FCM.AddFault(fcmtest.Fault{Do: "delay", Wait: fcmtest.Wait(time.Minute), Count: new(int)})
		if err != nil {
			t.Fatal(err)
		}
		request := func(i int) protocol.PushRequest { return protocol.PushRequest{To: to(user(i)), ResourceID: "both"} }
		keyed := func(i int) client.PushOption { return client.IdempotencyKey(fmt.Sprint("key-", i)) }
		var taken []string
		var full *client.Error
		for i := 0; full == nil; i++ {
			if i == devices {
				t.Fatalf("all of %d pushes were taken; want some refused from %d on", devices, backlogLimit)
			}
			accepted, err := once.Push(t.Context(), hushtest.App, request(i), keyed(i))
			if err != nil && !errors.As(err, &full) {
				t.Fatal(err)
			}
			if err == nil {
				taken = append(taken, accepted.PushID)
			}
		}
		if len(taken) == 0 {
			t.Fatalf("the first push: %v", full)
		}
		if full.Status != http.StatusServiceUnavailable || full.Code != "backlog_full" || full.RetryAfter < time.Second || full.RetryAfter > time.Minute || len(taken) < backlogLimit {
			t.Errorf("after %d pushes: %v, come back after %s; want 503 backlog_full after %d, in 1s to 1m", len(taken), full, full.RetryAfter, backlogLimit)
		}

		// What does not add to it is answered as ever.
		if again, err := once.Push(t.Context(), hushtest.App, request(0), keyed(0)); err != nil || again.PushID != taken[0] {
			t.Errorf("the same push again: %+v, %v; want the earlier answer %s", again, err, taken[0])
		}
		if dry, err := once.DryRun(t.Context(), hushtest.App, request(devices-1)); err != nil || len(dry.Deliveries) != 1 {
			t.Errorf("a dry run: %+v, %v", dry, err)
		}
		_, err = once.PushBatch(t.Context(), hushtest.App, []protocol.PushRequest{request(devices - 1), request(devices - 2)})
		if !client.HasCode(err, "backlog_full") {
			t.Errorf("a batch: %v; want backlog_full for all of it", err)
		}
		if listed, err := hush.Pushes(t.Context(), hushtest.App, client.PushFilter{}, client.Page{Limit: 1000}); err != nil || len(listed.Pushes) != len(taken) {
			t.Errorf("there are %d pushes, %v; want the %d that were taken", len(listed.Pushes), err, len(taken))
		}
		eventually(t, "the status says so", func() bool { return statusOf(t, hush).Backlog.Full })
		if s := statusOf(t, hush); s.Standing != "trouble" || s.Backlog.Limit != backlogLimit {
			t.Errorf("the status is %s, %+v; want trouble, the limit %d", s.Standing, s.Backlog, backlogLimit)
		}
		if metrics := metricsOf(t, hush); !strings.Contains(metrics, "\nhush_pushes_refused_total 3\n") {
			t.Error("the metrics lack hush_pushes_refused_total 3")
		}

		// Nothing that was taken is lost, and there is room once it is worked off.
		hush.FCM.DeleteFault(fault)
		for _, id := range taken {
			hush.WaitState(t, id, push.Sent)
		}
		eventually(t, "a push is taken again", func() bool {
			_, err := once.Push(t.Context(), hushtest.App, request(devices-1))
			return err == nil
		})
		eventually(t, "the log says so", func() bool { return strings.Contains(hush.Logs(), `msg="pushes are accepted again"`) })
		inOrder(t, hush.Logs(), `msg="pushes are refused: the backlog is full"`, "limit=20", "refused=", `msg="pushes are accepted again"`)
		if s := statusOf(t, hush); s.Backlog.Full {
			t.Errorf("the status is still %+v", s.Backlog)
		}
	})
}

// Here the devices have no token, so that pushes wait until their apps come.
func TestWhatWaitsForPhonesIsNoBacklog(t *testing.T) {
	t.Parallel()
	const devices = 3 * backlogLimit
	onBothLimited(t, devices, false, func(t *testing.T, hush *hushtest.Server, _ *client.Client) {
		for i := range devices {
			hush.WaitReason(t, hush.Send(t, user(i), "both", "x"), push.Waiting, push.ReasonNoToken)
			hush.Send(t, fmt.Sprint("never-seen-", i), "both", "x")
		}
		if s := statusOf(t, hush); s.Backlog.Full {
			t.Errorf("the backlog is full: %+v", s.Backlog)
		}
	})
}
