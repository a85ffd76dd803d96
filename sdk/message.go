package sdk

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

// Message is one silent push, as a handler gets it.
type Message struct {
	// ID is the push's id. It is the same however and however often the push arrives.
	ID string
	// ResourceID is the resource that the sender named.
	ResourceID string
	// Extras has the payload under ExtraPayload, byte for byte what the sender gave; it may be empty.
	Extras map[string]string
	// Path is the way by which the push reached the app.
	Path push.Path
	// AcceptedAt is when the server accepted the push, by the server's clock.
	AcceptedAt time.Time
	// ExpiresAt is when its time to live ends, by the server's clock; zero if it came in a wake, which does not say.
	ExpiresAt time.Time
}

// ExtraPayload is the key of the payload in Message.Extras.
const ExtraPayload = "payload"

// FetchResult is what came of a handler's work, in the words of Apple's UIBackgroundFetchResult.
type FetchResult = push.Result

// The results. A handler that returns anything else has Failed.
const (
	NewData = push.NewData // there was new data, and the app has it now
	NoData  = push.NoData  // there was nothing new
	Failed  = push.Failed  // the work could not be done
)

// Handler does the app's work for one push. Its ctx ends with the time that the platform allows (30 s on iOS, 20 s on
// Android, shared by all pushes of one wake, the app's start in it), early enough to report Failed before the system kills
// the process; a handler that runs on after that has failed. A handler should return as soon as it is done: on iOS, time used
// up costs the app its next wakes. A panic is not caught: it ends the process, as it does elsewhere in Go, and a push whose
// handler did not return three times in a row is given up.
type Handler func(ctx context.Context, m Message) FetchResult

// Platform is a phone's operating system.
type Platform = push.Platform

// The platforms.
const (
	IOS     = push.IOS
	Android = push.Android
)

// Environment is the one of APNs that an iOS device token belongs to.
type Environment = push.Environment

// The environments.
const (
	Production  = push.Production
	Development = push.Development
)

// AppState is where the app stands, according to the system.
type AppState = push.AppState

// The app states.
const (
	Foreground = push.AppForeground
	Background = push.AppBackground
)
