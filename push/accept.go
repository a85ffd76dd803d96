package push

// Idempotency lets a sender repeat a request without making a second push.
type Idempotency struct {
	Key      string
	BodyHash []byte // of the body that came with it; another body under the same key is a conflict
}

// AcceptRequest is one push to be made durable.
type AcceptRequest struct {
	Push        Push
	Idempotency *Idempotency // nil: a repeated request makes a second push
}

// Accepted is the store's answer once a push is committed and flushed.
type Accepted struct {
	ID         ID
	Deliveries int  // made by now, or by and by; none for what is looked up later
	InPieces   bool // they are so many that they are made by and by
	Warnings   []Warning
	Devices    []DeviceKey // those whose inbox it went into, for delivery to look at now
	Looked     []DeviceKey // of Devices, those that were looked at as it was accepted
	Repeated   bool        // an idempotency key brought an earlier answer back; nothing new was made
}

// AcceptResult is the outcome of one push of a batch.
type AcceptResult struct {
	Accepted Accepted
	Err      error
}
