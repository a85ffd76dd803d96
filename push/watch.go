package push

// Watch follows the changes of one push. Call Stop when done; calling it twice is safe.
type Watch struct {
	// Changed gets a value after commits of this process that touched the push; several commits may share one.
	Changed <-chan struct{}
	// Next returns the deliveries touched since its last call. many: they were too many to tell apart, and any may have been
	// touched.
	Next func() (keys []DeliveryKey, many bool)
	Stop func()
	// Elsewhere: other processes may change the push too, and Changed does not report their changes.
	Elsewhere bool
}

// AppWatch follows the events of one app, as they are committed. Call Stop when done; calling it twice is safe.
type AppWatch struct {
	// Changed gets a value after commits with events of the app; several commits may share one.
	Changed <-chan struct{}
	// Next returns some of the oldest events not returned yet; none if there are none. missed is how many were dropped before
	// them because the follower was too slow.
	Next func() (events []AppEvent, missed int)
	Stop func()
}
