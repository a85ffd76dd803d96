package phonetest

import "slices"

// maxRecent is how many message ids FCM's client remembers (firebase/firebase-android-sdk, FirebaseMessagingService,
// alreadyReceivedMessage).
const maxRecent = 10

// recent are the ids of the last messages that one process of an app was given by FCM's client. They end with the process.
type recent struct {
	run int // the launch that they are of
	ids []string
}

// repeats tells whether a message is among the last that the process of a launch was given, and remembers it if not. One that
// is repeated becomes no newer by it.
func (r *recent) repeats(run int, id string) bool {
	if r.run != run {
		*r = recent{run: run}
	}
	switch {
	case id == "":
		return false
	case slices.Contains(r.ids, id):
		return true
	}
	if len(r.ids) == maxRecent {
		r.ids = slices.Delete(r.ids, 0, 1)
	}
	r.ids = append(r.ids, id)
	return false
}
