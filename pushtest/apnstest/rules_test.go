package apnstest_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hushpush/hush/pushtest/apnstest"
)

func TestEveryRuleHasANameATextAndASource(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range apnstest.Rules() {
		if r.Name == "" || r.Text == "" || r.Source == "" || seen[r.Name] {
			t.Errorf("rule %+v lacks something, or comes twice", r)
		}
		seen[r.Name] = true
		if r.Certain == "uncertain" && r.Switch == "" {
			t.Errorf("rule %s is uncertain and has no switch", r.Name)
		}
		if (r.Switch == "") != (r.Default == "") {
			t.Errorf("rule %s: switch %q, default %q", r.Name, r.Switch, r.Default)
		}
	}
	var b bytes.Buffer
	if err := apnstest.Rules().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var out []map[string]any
	if err := json.Unmarshal(b.Bytes(), &out); err != nil || len(out) != len(seen) || out[0]["rule"] == nil {
		t.Errorf("the table as JSON: %v, %d of %d rules", err, len(out), len(seen))
	}
}

func TestUnknownSwitchesAreRefusedByName(t *testing.T) {
	t.Parallel()
	for _, set := range []string{"nope=1", "device.rate=many", "storage.replace=never", "device.rate"} {
		_, err := apnstest.Start(apnstest.Config{Listen: "127.0.0.1:0", Set: []string{set}})
		if err == nil || !strings.Contains(err.Error(), set) {
			t.Errorf("set %q: got %v, want an error that names it", set, err)
		}
	}
}

func TestTwoSimulatorsOnOnePortAreToldApart(t *testing.T) {
	t.Parallel()
	s := apnstest.New(t)
	_, err := apnstest.Start(apnstest.Config{Listen: s.Addr()})
	if err == nil || !strings.Contains(err.Error(), s.Addr()) {
		t.Errorf("got %v, want an error that names the address", err)
	}
	_, err = apnstest.Start(apnstest.Config{Listen: "127.0.0.1:0", Control: s.Addr()})
	if err == nil || !strings.Contains(err.Error(), "control") {
		t.Errorf("got %v, want an error that names --control", err)
	}
}

func TestSeedsVaryWhatIsLeftOpen(t *testing.T) {
	t.Parallel()
	reasons := map[string]bool{}
	for seed := range uint64(20) {
		w := setup(t, apnstest.Seed(seed))
		reasons[w.send(header("apns-push-type", "voip")).Reason] = true
		w.Close()
	}
	if len(reasons) < 2 {
		t.Errorf("20 seeds answer a missing suffix always with %v", reasons)
	}
}

func TestTheReadyLineTellsBothAddresses(t *testing.T) {
	t.Parallel()
	s := apnstest.New(t, apnstest.Control())
	if got, want := s.ReadyLine(), "ready listen="+s.Addr()+" control="+s.ControlAddr(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
