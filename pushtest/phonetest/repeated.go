package phonetest

import "slices"

// maxRecent is how many message ids FCM's client remembers (firebase/firebase-android-sdk, FirebaseMessagingService,
// alreadyReceivedMessage).
const maxRecent = 10

// recent holds the ids of the last messages that FCM's client gave to one process of an app. A new process has none.
type recent struct {
	run int // the launch that they are of
	ids []string
}

// repeats reports whether a message is among the last that the process of a launch was given, and remembers it if not. A
// repeated one keeps its place.
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
