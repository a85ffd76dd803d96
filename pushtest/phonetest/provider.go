package phonetest

// Installation is an app on a phone, as its push service knows it.
type Installation struct {
	Token       string
	AppID       string // bundle id (APNs' topic) or package
	Environment string // iOS: production or development
}

// Provider is the push service that a phone keeps a line to. [APNs] and [FCM] make one of the simulators of this test kit.
type Provider interface {
	// Connect makes the installation known, online, and has deliver called for each of its pushes, also from several
	// goroutines. Deliver does not block.
	Connect(i Installation, deliver func(Message)) (Line, error)
}

// Line is a phone's connection to its push service.
type Line interface {
	SetOnline(online bool) // what waits comes when the phone is online again
	Uninstall()            // the app is gone; the provider finds out with the next push
	Close()                // the phone is gone: nothing comes any more
}
