package server_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

// putTopics stores the simulator's key with other topics.
func putTopics(t *testing.T, hush *hushtest.Server, topics ...string) error {
	t.Helper()
	_, _, err := hush.PutAPNs(t.Context(), hushtest.App, protocol.APNsProvider{
		Key: string(hush.APNs.Key().PEM), KeyID: hush.APNs.Key().ID, TeamID: hush.APNs.Key().Team, Topics: topics,
	})
	return err
}

func TestACredentialsTopicsBind(t *testing.T) {
	t.Parallel()
	for engine, opts := range map[string]func(*testing.T) []hushtest.Option{
		"sqlite":   func(*testing.T) []hushtest.Option { return nil },
		"postgres": func(t *testing.T) []hushtest.Option { return []hushtest.Option{hushtest.Database(pgtest.URL(t))} },
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			hush := hushtest.Start(t, opts(t)...)
			p := newPhone(t, hush, "alice", sdk.IOS)
			if err := putTopics(t, hush, "com.example.other"); err != nil {
				t.Fatal(err)
			}
			trial, err := hush.DryRun(t.Context(), hushtest.App, protocol.PushRequest{To: to("alice"), ResourceID: "both"})
			if err != nil || len(trial.Deliveries) != 1 || trial.Deliveries[0].Do != push.DoWait || trial.Deliveries[0].Reason != push.ReasonTopic {
				t.Errorf("a dry run says %+v, %v; want that it waits for want of the topic", trial, err)
			}
			waits := hush.Send(t, "alice", "both", "1")
			hush.WaitReason(t, waits, push.Waiting, push.ReasonTopic)
			hush.WaitReason(t, hush.SendPush(t, protocol.PushRequest{To: to("alice"), ResourceID: "both", TTL: "0s"}), push.Expired, push.ReasonTopic)
			if n := len(hush.APNs.Requests()); n != 0 {
				t.Errorf("APNs got %d requests, want none", n)
			}

			// Session and inbox are not APNs' business.
			p.client.SetAppState(sdk.Foreground)
			hush.WaitState(t, waits, push.Handled)
			p.client.SetAppState(sdk.Background)
			eventually(t, "the session has ended", func() bool { return hush.DevicesOf(t, "alice")[0].AppState == "background" })

			// What waits goes on when the credential is for it, and no wake was counted until then.
			for i := range 3 {
				waits = hush.Send(t, "alice", "both", fmt.Sprint(i))
				hush.WaitReason(t, waits, push.Waiting, push.ReasonTopic)
			}
			if err := putTopics(t, hush, "com.example.other", hushtest.BundleID); err != nil {
				t.Fatal(err)
			}
			hush.WaitState(t, waits, push.Handled)
		})
	}
}

func TestTopicsThatCanBeNoAppsAreRefused(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	for _, topic := range []string{"", " ", "com.example. notes", "com.example.notes ", "com.example.*", "*", "com.example\n", "com.éxample", "a\x00b"} {
		var p *client.Error
		err := putTopics(t, hush, "com.example.first", topic)
		if !errors.As(err, &p) || p.Status != 422 || len(p.Fields) != 1 || p.Fields[0].Location != "body.topics[1]" {
			t.Errorf("topic %q: %v; want it refused at body.topics[1]", topic, err)
		}
	}
	if err := putTopics(t, hush, "com.example.notes", "com.example.notes"); err == nil {
		t.Error("the same topic twice was taken, want it refused")
	}
	if err := putTopics(t, hush, "com.example.notes", "COM.Example-2.Notes"); err != nil {
		t.Errorf("two good topics: %v", err)
	}
}

// Without topics the key is for all of its team's apps.
func TestWithoutTopicsAnyBundleIDMayBeWoken(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	if err := putTopics(t, hush); err != nil {
		t.Fatal(err)
	}
	newPhone(t, hush, "alice", sdk.IOS)
	hush.WaitState(t, hush.Send(t, "alice", "both", "1"), push.Handled)
	for _, r := range hush.APNs.Requests() {
		if r.Outcome == "refused" {
			t.Errorf("a request was refused: %+v", r)
		}
	}
}
