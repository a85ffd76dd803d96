package apnstest_test

import (
	"testing"

	"github.com/hushpush/hush/pushtest/apnstest"
)

func TestAPushTypeThatDoesNotFitItsPayloadIsASwitch(t *testing.T) {
	t.Parallel()
	const shown = `{"aps":{"content-available":1,"alert":"x"}}`
	for word, want := range map[string]struct {
		status  int
		reason  apnstest.Reason
		outcome string
	}{
		"accept": {200, "", "delivered"},
		"delay":  {200, "", "throttled"},
		"drop":   {200, "", "discarded"},
		"refuse": {400, "InvalidPushType", "refused"},
	} {
		w := setup(t, apnstest.Set("push_type.mismatch", word))
		w.send(body(shown)).mustBe(t, want.status, want.reason, word+": background with an alert")
		if got := w.outcome(1); got != want.outcome {
			t.Errorf("%s: background with an alert is %s, want %s", word, got, want.outcome)
		}
		w.send(without("apns-push-type")).mustBe(t, want.status, want.reason, word+": content-available and no type")
		w.register(apnstest.Token{Token: token(2), Topic: topic, Online: true})
		w.send(to(token(2))).mustBe(t, 200, "", word+": a good background push")
		w.send(to(token(2)), without("apns-push-type"), body(shown)).mustBe(t, 200, "", word+": an alert without a type")
		if got := w.outcome(3); got != "delivered" {
			t.Errorf("%s: a good background push is %s, want delivered", word, got)
		}
	}
}

func TestBroadcastsAreNotThere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, p := range []string{"/4/broadcasts/apps/" + topic, "/1/apps/" + topic + "/channels", "/1/apps/" + topic + "/all-channels"} {
		for _, method := range []string{"POST", "GET", "DELETE"} {
			req := w.request(path(p))
			req.Method = method
			a, err := w.try(req)
			if err != nil {
				t.Fatal(err)
			}
			a.mustBe(t, 404, "BadPath", method+" "+p)
		}
	}
}

func TestHeadersOfNoUseAreIgnored(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.send(header("apns-channel-id", "x"), header("apns-request-id", "y"), header("content-type", "text/plain"),
		header("content-encoding", "gzip"), header("x-other", "z")).mustBe(t, 200, "", "with headers of no use")
}

func TestTheLengthOfATopicIsASwitch(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Set("apns_topic.length", "20"))
	w.send().mustBe(t, 200, "", "a topic of 17")
	w.send(header("apns-topic", topic+".other")).mustBe(t, 400, "BadTopic", "a topic of 23")
}
