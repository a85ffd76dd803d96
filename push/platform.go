package push

import "time"

// Platform is a phone's operating system.
type Platform string

// The platforms.
const (
	IOS     Platform = "ios"
	Android Platform = "android"
)

// Platforms lists the platforms.
func Platforms() []Platform { return []Platform{IOS, Android} }

// Provider returns the provider that wakes apps on the platform.
func (p Platform) Provider() Provider {
	if p == IOS {
		return APNs
	}
	return FCM
}

// TimeAllowed returns how long one wake may run an app: 30 s on iOS (Apple, "Pushing background updates to your App") and 20 s
// on Android (the time-out of Firebase's messaging service). The app's cold start is part of it.
func (p Platform) TimeAllowed() time.Duration {
	if p == IOS {
		return 30 * time.Second
	}
	return 20 * time.Second
}
