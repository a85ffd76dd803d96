package phonetest

// Installation is an app on a phone, as its push service knows it.
type Installation struct {
	Token       string
	AppID       string // bundle id (APNs' topic) or package
	Environment string // iOS: production or development
}

// Provider is the push service that a phone keeps a line to. [APNs] and [FCM] make one of the simulators of this test kit.
type Provider interface {
	// Connect makes the installation known, online, with the phone as the receiver of its pushes.
	Connect(i Installation, r Receiver) (Line, error)
}

// Receiver is a phone as its push service sees it. No method blocks, and all may be called from several goroutines.
type Receiver interface {
	// Deliver brings a push.
	Deliver(Message)
	// Admits is for a service that keeps what its phones cannot take: Held or Dropped, and why, mean that this phone would not
	// give the push to its app now. It may be called often.
	Admits(Message) (d Did, why Reason)
	// NotDelivered reports what such a service has done with a push, Held or Dropped, for the phone's record.
	NotDelivered(m Message, d Did, why Reason)
}

// Line is a phone's connection to its push service.
type Line interface {
	SetOnline(online bool) // what waits comes when the phone is online again
	Uninstall()            // the app is gone; the provider finds out with the next push
	Close()                // the phone is gone: nothing is delivered any more
}

// powerSaver is a Line to a service that keeps what is not urgent while the phone saves power.
type powerSaver interface{ setPowerRestricted(on bool) }

// keeper is a Line to a service that keeps what its phone cannot take.
type keeper interface {
	// look makes the service ask Admits again. waits reports whether the service still keeps something.
	look() (waits bool)
}
