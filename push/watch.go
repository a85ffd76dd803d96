package push

// Watch follows the changes of one push. Stop must be called, and may be twice.
type Watch struct {
	// Changed has a value after commits of this process that touched the push; several commits may leave one.
	Changed <-chan struct{}
	// Next returns the deliveries that were touched since it was last called. many: they were too many to be kept apart, and
	// any may have been.
	Next func() (keys []DeliveryKey, many bool)
	Stop func()
	// Elsewhere says that other processes may change the push too. Nobody tells of those changes.
	Elsewhere bool
}

// AppWatch follows the events of one app, as they are committed. Stop must be called, and may be twice.
type AppWatch struct {
	// Changed has a value after commits that brought events; several commits may leave one.
	Changed <-chan struct{}
	// Next returns some of the oldest events that were not taken yet, none if there are none. missed: before them, so many
	// were dropped, because too many were not taken.
	Next func() (events []AppEvent, missed int)
	Stop func()
}
