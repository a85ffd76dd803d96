package push

import "time"

// Standing is where a push stands as a whole.
type Standing struct {
	Final     bool // all its deliveries are made and final
	Expanded  bool // all its deliveries are made
	ExpiresAt time.Time

	CancelledEarly bool // it was cancelled before all its deliveries were made; the rest of a list is made cancelled
}
