package apnstest

import (
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

var ruleMuted = Rule{
	Name:    "notifications.off",
	Text:    `What an app gets whose notifications the person has switched off: everything ("deliver"; the phone shows nothing), or nothing ("discard").`,
	Source:  `Apple, "Registering your app with APNs": background pushes need no permission; "Viewing the status of push notifications using metrics and APNs": discarded when disabled`,
	Certain: simkit.Uncertain,
	Switch:  "notifications.off",
	Default: "deliver",
	Words:   []string{"deliver", "discard"},
	Varies:  []string{"deliver", "discard"},
}

// SetNotifications reports whether the person lets the app show notifications, as it is unless told.
func (s *Server) SetNotifications(token string, on bool) error {
	return s.change(token, func(d *device, _ time.Time) { d.muted = !on })
}
