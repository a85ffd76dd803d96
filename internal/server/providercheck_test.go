package server_test

import (
	"strings"
	"testing"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

func TestACredentialIsTriedWithoutSendingToAnybody(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	newPhone(t, hush, "alice", sdk.IOS)
	newPhone(t, hush, "bob", sdk.Android)
	for p, says := range map[push.Provider]string{push.APNs: "APNs takes the key for ", push.FCM: "FCM takes the service account "} {
		check, err := hush.CheckProvider(t.Context(), hushtest.App, p)
		if err != nil || !check.OK || !strings.HasPrefix(check.What, says) || check.Do != "" {
			t.Errorf("%s: %+v, %v; want ok, %q and nothing to do", p, check, err, says)
		}
	}
	for _, r := range hush.APNs.Requests() {
		if r.Outcome != "refused" {
			t.Errorf("APNs saw a request that was %s, want it refused", r.Outcome)
		}
	}
	for _, r := range hush.FCM.Requests() {
		if r.Endpoint == "send" && r.Outcome != "refused" && r.Outcome != "discarded" {
			t.Errorf("FCM saw a send that was %s, want none", r.Outcome)
		}
	}
	hush.WaitState(t, hush.Send(t, "alice", "both", "x"), push.Handled)
	hush.WaitState(t, hush.Send(t, "bob", "both", "x"), push.Handled)
}

func TestACredentialThatDoesNotWorkSaysWhatToChangeAndHoldsNothing(t *testing.T) {
	t.Parallel()
	word := func(s string) *string { return &s }
	for name, c := range map[string]struct {
		apns     apnstest.Fault
		fcm      fcmtest.Fault
		provider push.Provider
		what, do string
	}{
		"a key that APNs does not know":   {provider: push.APNs, apns: apnstest.Fault{Do: "answer", Status: 403, Reason: word("InvalidProviderToken")}, what: "403 InvalidProviderToken", do: "team id"},
		"a clock that is wrong for APNs":  {provider: push.APNs, apns: apnstest.Fault{Do: "answer", Status: 403, Reason: word("ExpiredProviderToken")}, what: "ExpiredProviderToken", do: "clock"},
		"a topic that the key is not for": {provider: push.APNs, apns: apnstest.Fault{Do: "answer", Status: 400, Reason: word("TopicDisallowed")}, what: "TopicDisallowed", do: "bundle id"},
		"the other environment":           {provider: push.APNs, apns: apnstest.Fault{Do: "answer", Status: 403, Reason: word("BadEnvironmentKeyInToken")}, what: "BadEnvironmentKeyInToken", do: "environment"},
		"APNs hangs up":                   {provider: push.APNs, apns: apnstest.Fault{Do: "close"}, what: "APNs for com.example.notes did not answer", do: "firewall"},
		"no permission at FCM":            {provider: push.FCM, fcm: fcmtest.Fault{Do: "answer", Status: 403, Reason: word("")}, what: "403 PERMISSION_DENIED", do: "cloudmessaging.messages.create"},
		"FCM is down":                     {provider: push.FCM, fcm: fcmtest.Fault{Do: "answer", Status: 503, Reason: word("UNAVAILABLE")}, what: "FCM cannot answer: 503", do: "later"},
		"a key that Google does not know": {provider: push.FCM, fcm: fcmtest.Fault{Match: fcmtest.FaultMatch{Endpoint: "oauth"}, Do: "answer", Status: 400, Reason: word("invalid_grant")},
			what: "no access token: 400 invalid_grant", do: "service account"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hush := hushtest.Start(t)
			newPhone(t, hush, "alice", sdk.IOS)
			newPhone(t, hush, "bob", sdk.Android)
			var err error
			if c.provider == push.APNs {
				_, err = hush.APNs.AddFault(c.apns)
			} else {
				_, err = hush.FCM.AddFault(c.fcm)
			}
			if err != nil {
				t.Fatal(err)
			}
			check, err := hush.CheckProvider(t.Context(), hushtest.App, c.provider)
			if err != nil || check.OK || !strings.Contains(check.What, c.what) || !strings.Contains(check.Do, c.do) {
				t.Errorf("%+v, %v; want %q, and %q to be done", check, err, c.what, c.do)
			}
			for _, user := range []string{"alice", "bob"} {
				hush.WaitState(t, hush.Send(t, user, "both", "x"), push.Handled) // nothing is held up
			}
		})
	}
}

func TestAnAppWithoutACredentialHasNoneToTry(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	if _, _, err := hush.PutApp(t.Context(), "empty"); err != nil {
		t.Fatal(err)
	}
	_, err := hush.CheckProvider(t.Context(), "empty", push.APNs)
	if !client.HasCode(err, "not_found") {
		t.Errorf("got %v, want not found", err)
	}
}
