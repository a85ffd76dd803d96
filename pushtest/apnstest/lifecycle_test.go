package apnstest_test

import (
	"net/http"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
	"github.com/hushpush/hush/pushtest/apnstest"
)

func TestASimulatorCloses(t *testing.T) {
	lifecycle.ExerciseClose(t, func(t *testing.T) lifecycle.Opened {
		s, err := apnstest.Start(apnstest.Config{Listen: "127.0.0.1:0", Control: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		return lifecycle.Opened{
			Use:   func() { askOnce("http://" + s.ControlAddr() + "/_sim/openapi.json") },
			Close: func() error { s.Close(); return nil },
		}
	})
}

// askOnce asks for a page on a connection of its own.
func askOnce(url string) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if res, err := client.Get(url); err == nil {
		_ = res.Body.Close()
	}
}
