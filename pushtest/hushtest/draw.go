package hushtest

import (
	"fmt"
	"strings"

	"github.com/hushpush/hush/protocol"
)

// Draw is a push's timeline for people: a line per device, and one per event below it.
func Draw(p protocol.Push) string {
	var b strings.Builder
	fmt.Fprintf(&b, "push %s, resource %s, accepted %s, final %v\n", p.PushID, p.ResourceID, p.AcceptedAt.Format("15:04:05.000"), p.Final)
	for _, d := range p.Deliveries {
		fmt.Fprintf(&b, "  device %q of %q: %s %s %s by %q\n", d.DeviceID, d.User, d.State, d.Result, d.Reason, d.Path)
		for _, e := range d.Events {
			fmt.Fprintf(&b, "    %s %s", e.At.Format("15:04:05.000"), e.Event)
			for _, part := range []string{string(e.Reason), string(e.Path), string(e.Result), string(e.Provider), e.ProviderReason, string(e.Fault), string(e.Error), e.Detail} {
				if part != "" {
					b.WriteString(" " + part)
				}
			}
			if e.Status != 0 {
				fmt.Fprintf(&b, " %d", e.Status)
			}
			if e.Attempt > 1 {
				fmt.Fprintf(&b, " try %d", e.Attempt)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}
