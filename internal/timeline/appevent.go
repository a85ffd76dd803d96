package timeline

import (
	"fmt"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// AppEvent returns an event of an app in a line. On a terminal (width is not 0) that is too narrow for it, what does not fit
// stands below, but no id of a push is broken.
func AppEvent(e protocol.AppEvent, width int, s terminal.Style) string {
	at := e.At.Local().Format(time.TimeOnly)
	name := fmt.Sprintf("%-13s", terminal.Clean(string(e.Event.Event)))
	id := terminal.Clean(string(e.PushID))
	indent := terminal.Cells(at + " " + name + " ")
	text := strings.Join(strings.Fields(id+" "+appEventText(e)), " ")
	lines := []string{text}
	if width > 0 {
		lines = terminal.Fold(text, max(width-indent, terminal.Cells(id)))
	}
	return s.Faint(at) + " " + State(e.State, name, s) + " " + strings.Join(lines, "\n"+strings.Repeat(" ", indent))
}

// appEventText returns the resource, device and user of an event, and its details.
func appEventText(e protocol.AppEvent) string {
	whom := e.DeviceID + " of " + e.User
	switch {
	case e.DeviceID == "" && e.User == "":
		whom = map[push.EventName]string{
			push.EventNobody: "for no device", push.EventName(push.Cancelled): "before it began",
		}[e.Event.Event]
	case e.DeviceID == "":
		whom = "user " + e.User
	case e.User == "":
		whom = e.DeviceID
	}
	return terminal.Clean(e.ResourceID + " " + whom + " " + Details(e.Event))
}
