package fcmtest

import (
	"testing"
	"time"
)

func TestQuotas(t *testing.T) {
	t.Parallel()
	w := setup(t, Set("quota.project_per_minute", "3"))
	w.StopClock() // however slow the machine is
	w.phone("a:1", true)
	w.to("a:1", "")
	w.send(`{"message":{}}`)        // 400 counts too
	w.send(`{"message":{"x":"y"}}`) // also one of shape
	w.post(w.client, w.SendURL(), "", "{}")
	got := w.to("a:1", "")
	if got.status != 429 || got.code != "QUOTA_EXCEEDED" || !got.quota || got.header.Get("Retry-After") == "" || got.grpc != "RESOURCE_EXHAUSTED" {
		t.Errorf("the fourth: %d %s, Retry-After %q\n%s", got.status, got.code, got.header.Get("Retry-After"), got.raw)
	}
	w.Advance(time.Minute)
	if got := w.to("a:1", ""); got.status != 200 {
		t.Errorf("a minute later: %d, want 200", got.status)
	}

	w = setup(t, Set("quota.device_per_minute", "2"), Set("quota.retry_after", "false"))
	w.StopClock() // however slow the machine is
	w.phone("a:1", true)
	w.phone("b:1", true)
	w.to("a:1", "")
	w.to("a:1", "")
	if got := w.to("a:1", ""); got.status != 429 || got.code != "QUOTA_EXCEEDED" || got.header.Get("Retry-After") != "" {
		t.Errorf("a device's third: %d %s %q", got.status, got.code, got.header.Get("Retry-After"))
	}
	if got := w.to("b:1", ""); got.status != 200 {
		t.Errorf("another device: %d, want 200", got.status)
	}

	w = setup(t, Set("quota.device_per_hour", "1"), Set("quota.device_over", "delay"))
	w.StopClock() // however slow the machine is
	p := w.phone("a:1", true)
	w.to("a:1", "")
	if got := w.to("a:1", ""); got.status != 200 || len(p.messages()) != 1 || w.last().Outcome != "throttled" {
		t.Errorf("delayed: %d, %d messages, %s", got.status, len(p.messages()), w.last().Outcome)
	}
	w.Advance(time.Hour)
	if len(p.messages()) != 2 {
		t.Errorf("an hour later: %d messages, want 2", len(p.messages()))
	}
}

func TestDelayedMessagesComeAtTheRateOfTheDevice(t *testing.T) {
	t.Parallel()
	w := setup(t, Set("quota.device_per_minute", "2"), Set("quota.device_over", "delay"))
	w.StopClock() // however slow the machine is
	p := w.phone("a:1", true)
	for range 7 {
		w.to("a:1", "")
	}
	for minute, want := range []int{2, 4, 6, 7} {
		if got := len(p.messages()); got != want {
			t.Errorf("seven messages at two a minute, after %d minutes: %d were delivered, want %d", minute, got, want)
		}
		w.Advance(time.Minute)
	}
	if w.to("a:1", ""); len(p.messages()) != 8 {
		t.Errorf("a message after the last delayed one: %d were delivered, want 8", len(p.messages()))
	}

	w = setup(t, Set("quota.device_per_minute", "1"), Set("quota.device_per_hour", "2"), Set("quota.device_over", "delay"))
	w.StopClock() // however slow the machine is
	p = w.phone("a:1", true)
	for range 3 {
		w.to("a:1", "")
	}
	w.Advance(30 * time.Minute)
	if got := len(p.messages()); got != 2 {
		t.Errorf("three messages at two an hour, after half an hour: %d were delivered, want 2", got)
	}
	w.Advance(30 * time.Minute)
	if got := len(p.messages()); got != 3 {
		t.Errorf("three messages at two an hour, after an hour: %d were delivered, want 3", got)
	}
}
