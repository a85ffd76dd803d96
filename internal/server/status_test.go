package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

func statusOf(t *testing.T, hush *hushtest.Server) protocol.ServerStatus {
	t.Helper()
	status, err := hush.ServerStatus(t.Context(), client.Page{})
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// appOf returns the test's app in a status.
func appOf(t *testing.T, s protocol.ServerStatus) protocol.AppStatus {
	t.Helper()
	for _, a := range s.Apps {
		if a.App == hushtest.App {
			return a
		}
	}
	t.Fatalf("the status has the apps %+v, want %s among them", s.Apps, hushtest.App)
	return protocol.AppStatus{}
}

func onBoth(t *testing.T, test func(t *testing.T, engine string, hush *hushtest.Server)) {
	for engine, opts := range map[string]func(*testing.T) []hushtest.Option{
		"sqlite":   func(*testing.T) []hushtest.Option { return nil },
		"postgres": func(t *testing.T) []hushtest.Option { return []hushtest.Option{hushtest.Database(pgtest.URL(t))} },
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, engine, hushtest.Start(t, append(opts(t), hushtest.RetryWait(200*time.Millisecond))...))
		})
	}
}

func TestTheStatusSaysHowTheServerDoes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, engine string, hush *hushtest.Server) {
		s := statusOf(t, hush)
		if a := appOf(t, s); a.Providers[push.APNs].Standing != push.ProviderUntried || a.Providers[push.FCM].Standing != push.ProviderUntried {
			t.Errorf("before the first wake: %+v; want both untried", a)
		}
		p := newPhone(t, hush, "alice", sdk.IOS)
		newPhone(t, hush, "bob", sdk.Android)
		hush.WaitState(t, hush.SendPush(t, protocol.PushRequest{To: to("alice", "bob"), ResourceID: "both"}), push.Handled)

		// What is made final in the store counts like what receipts make final.
		older := protocol.PushRequest{To: to("bob"), ResourceID: "ios-only", CollapseKey: "k"}
		hush.WaitState(t, hush.SendPush(t, older), push.Waiting)
		if _, err := hush.Cancel(t.Context(), hushtest.App, hush.SendPush(t, older)); err != nil {
			t.Fatal(err)
		}
		p.client.SetAppState(sdk.Foreground)
		eventually(t, "a session is open", func() bool { return statusOf(t, hush).Sessions == 1 })

		s = statusOf(t, hush)
		if !well(s) || s.Engine != engine || s.EngineVersion == "" || s.Node == "" || s.Version == "" || s.StartedAt.IsZero() || s.Uptime == "" || !s.Database.Reachable {
			t.Errorf("the status is %+v", s)
		}
		if c := s.Commits; c.LastAt == nil || c.Last == "" || c.Count == 0 || c.P50 == "" || c.P99 == "" || c.Slowest == "" {
			t.Errorf("the commits are %+v, want their times", c)
		}
		h := s.LastHour
		if h.Pushes != 3 || h.Deliveries[push.Handled] != 2 || h.Deliveries[push.Superseded] != 1 || h.Deliveries[push.Cancelled] != 1 ||
			h.Wakes[push.APNs].Taken != 1 || h.Wakes[push.FCM].Taken != 1 || !h.Since.Equal(s.StartedAt) {
			t.Errorf("the last hour is %+v; want 3 pushes, 2 handled, one superseded, one cancelled, 2 wakes", h)
		}
		if a := appOf(t, s).Providers[push.APNs]; a.Standing != push.ProviderOK || a.Since == nil || a.Wakes.Sent != 1 || a.LastError != nil {
			t.Errorf("the app's standing with APNs is %+v; want ok", a)
		}
		if e := p.client.Close(); e != nil {
			t.Fatal(e)
		}
	})
}

func TestACredentialThatIsRefusedAndMendedIsToldAndShown(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, _ string, hush *hushtest.Server) {
		newPhone(t, hush, "alice", sdk.IOS)
		reason := "InvalidProviderToken"
		fault, err := hush.APNs.AddFault(apnstest.Fault{Do: "answer", Status: 403, Reason: &reason, Count: new(int)})
		if err != nil {
			t.Fatal(err)
		}
		id := hush.Send(t, "alice", "both", "x")
		hush.WaitReason(t, id, push.Waiting, push.ReasonCredentials)
		s := statusOf(t, hush)
		a := s.Apps[0].Providers[push.APNs]
		if s.Standing != "trouble" || s.AppsInTrouble != 1 || a.Standing != push.ProviderRefused || a.Since == nil || len(a.Troubles) != 1 || a.Troubles[0].Devices != 1 || a.Troubles[0].Pushes != 1 {
			t.Errorf("the status is %s, %+v; want the credential refused", s.Standing, a)
		}
		if e := a.LastError; e == nil || e.Status != 403 || e.Reason != reason || e.Fault != push.FaultCredentials {
			t.Errorf("the last error is %+v, want 403 %s", e, reason)
		}
		metrics := metricsOf(t, hush)
		if want := `hush_provider_apps_in_trouble{provider="apns",trouble="credential_refused"} 1`; !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
		hush.APNs.DeleteFault(fault)
		if err := putTopics(t, hush, hushtest.BundleID); err != nil {
			t.Fatal(err)
		}
		hush.WaitState(t, id, push.Handled)
		if s := statusOf(t, hush); !well(s) || s.AppsInTrouble != 0 || s.Apps[0].Providers[push.APNs].LastError == nil {
			t.Errorf("when it is mended: %+v; want ok, with the last error", s)
		}
		inOrder(t, hush.Logs(), `msg="credential refused"`, `msg="credential accepted again"`)
	})
}

func TestAProviderThatIsAwayAndBackIsToldWithCounts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, _ string, hush *hushtest.Server) {
		newPhone(t, hush, "alice", sdk.Android)
		fault, err := hush.FCM.AddFault(fcmtest.Fault{Do: "close", Count: new(int)})
		if err != nil {
			t.Fatal(err)
		}
		id := hush.Send(t, "alice", "both", "x")
		eventually(t, "FCM is unreachable", func() bool {
			return appOf(t, statusOf(t, hush)).Providers[push.FCM].Standing == push.ProviderUnreachable
		})
		hush.FCM.DeleteFault(fault)
		hush.WaitState(t, id, push.Handled)
		inOrder(t, hush.Logs(), `msg="provider unreachable"`, "provider=fcm", "app="+hushtest.App, "fault=provider", "failed=1 devices=1 pushes=1",
			`msg="provider reachable again"`, "failed=", "for=")
	})
}

func TestADeletedAppIsInNoTrouble(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, _ string, hush *hushtest.Server) {
		newPhone(t, hush, "alice", sdk.Android)
		if _, err := hush.FCM.AddFault(fcmtest.Fault{Do: "close", Count: new(int)}); err != nil {
			t.Fatal(err)
		}
		hush.Send(t, "alice", "both", "x")
		eventually(t, "FCM is unreachable", func() bool { return statusOf(t, hush).AppsInTrouble == 1 })
		if err := hush.DeleteApp(t.Context(), hushtest.App); err != nil {
			t.Fatal(err)
		}
		if s := statusOf(t, hush); !well(s) || s.AppsInTrouble != 0 || len(s.Apps) != 0 {
			t.Errorf("after its end: %s, %d in trouble, %+v; want nothing of it", s.Standing, s.AppsInTrouble, s.Apps)
		}
	})
}

// well reports whether nothing but the machine that the test runs on is in trouble: one under load commits slowly.
func well(s protocol.ServerStatus) bool {
	return s.Standing == "ok" || s.AppsInTrouble == 0 && (s.Commits.Slow || s.Backlog.Late)
}

func TestADroppedTokenIsToldCountedAndShown(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, _ string, hush *hushtest.Server) {
		p := newPhone(t, hush, "alice", sdk.Android)
		if err := hush.FCM.Retire(p.token); err != nil {
			t.Fatal(err)
		}
		hush.WaitReason(t, hush.Send(t, "alice", "both", "x"), push.Waiting, push.ReasonNoToken)
		s := statusOf(t, hush)
		if s.LastHour.TokensDropped[push.FCM] != 1 || !well(s) || s.LastHour.Wakes[push.FCM].Refused[push.FaultToken] != 1 {
			t.Errorf("the last hour is %+v; want a token dropped, and no trouble", s.LastHour)
		}
		eventually(t, "the log has it", func() bool {
			return strings.Contains(hush.Logs(), `msg="provider tokens dropped"`) && strings.Contains(hush.Logs(), "tokens=1 apps=1 most="+hushtest.App)
		})
		if strings.Contains(hush.Logs(), p.token) {
			t.Error("the log has the token itself")
		}
		if want := `hush_tokens_dropped_total{provider="fcm"} 1`; !strings.Contains(metricsOf(t, hush), want) {
			t.Errorf("the metrics lack %s", want)
		}
	})
}

func TestTheLastSummaryIsWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	newPhone(t, hush, "alice", sdk.Android)
	hush.WaitState(t, hush.Send(t, "alice", "both", "x"), push.Handled)
	hush.Restart(t)
	inOrder(t, hush.Logs(), "msg=summary", "pushes=1", "deliveries.handled=1", "wakes=1", "wakes_by.fcm_taken=1", "version=")
}

// inOrder checks that a text has the parts, each behind the one before.
func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, p := range parts {
		i := strings.Index(rest, p)
		if i < 0 {
			t.Errorf("the log lacks %q behind what comes before it in %q", p, parts)
			return
		}
		rest = rest[i+len(p):]
	}
}

func metricsOf(t *testing.T, hush *hushtest.Server) string {
	t.Helper()
	resp, err := http.Get(hush.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	if err := resp.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
