package push

// DeliveryKey names a delivery among those of its push.
type DeliveryKey struct {
	Device string // "" for a user without one
	User   string
}

// Watch follows the changes of one push. Stop must be called, and may be twice.
type Watch struct {
	// Changed has a value after commits of this process that touched the push; several commits may leave one.
	Changed <-chan struct{}
	// Take returns the deliveries that were touched since it was last called. many: they were too many to be kept apart, and
	// any may have been.
	Take func() (keys []DeliveryKey, many bool)
	Stop func()
	// Elsewhere says that other processes may change the push too. Nobody tells of those changes.
	Elsewhere bool
}
