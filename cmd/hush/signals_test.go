package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOnlyCtrlCAgainEndsAtOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		signals []os.Signal
		stops   bool
		code    int // 0: the stop goes on
		says    string
	}{
		{"none", nil, false, 0, ""},
		{"Ctrl-C", []os.Signal{os.Interrupt}, true, 0, ""},
		{"SIGTERM", []os.Signal{syscall.SIGTERM}, true, 0, ""},
		{"Ctrl-C twice", []os.Signal{os.Interrupt, os.Interrupt}, true, exitInterrupted, "what was accepted is kept"},
		{"SIGTERM, then Ctrl-C", []os.Signal{syscall.SIGTERM, os.Interrupt}, true, exitInterrupted, "what was accepted is kept"},
		{"SIGTERM twice", []os.Signal{syscall.SIGTERM, syscall.SIGTERM}, true, 0, "SIGTERM again: still stopping"},
		{"SIGTERM twice, then Ctrl-C", []os.Signal{syscall.SIGTERM, syscall.SIGTERM, os.Interrupt}, true, exitInterrupted, "still stopping"},
	} {
		signals := make(chan os.Signal)
		ctx, done := context.WithCancel(t.Context())
		var said strings.Builder
		stopped, code := 0, 0
		var cause error
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			stopOn(ctx, signals, func(by error) { stopped++; cause = by }, &said, func(c int) { code = c })
		}()
		for _, sig := range test.signals {
			select {
			case signals <- sig:
			case <-time.After(30 * time.Second):
				t.Fatalf("%s: nobody takes %s", test.name, sig)
			}
		}
		done()
		<-ended
		if test.stops && (!errors.Is(cause, endedBy{test.signals[0]}) || !errors.Is(cause, context.Canceled)) {
			t.Errorf("%s: the cause is %v; want the first signal", test.name, cause)
		}
		if (stopped == 1) != test.stops || stopped > 1 || code != test.code || !strings.Contains(said.String(), test.says) || test.says == "" && said.Len() > 0 {
			t.Errorf("%s: stopped %d times, exit %d, said %q; want stopped %v, exit %d, and %q", test.name, stopped, code, &said, test.stops, test.code, test.says)
		}
	}
}
