package sdk

import (
	"errors"
	"time"

	"github.com/hushpush/hush/protocol"
)

// sessionEnd is how a session, or the try to open one, ended.
type sessionEnd struct {
	code  int           // the server's close code; 0: none came
	err   error         // why there was no session; nil: there was one
	lived time.Duration // how long it lived
}

// steadyAfter is how long a session must have lived for the waits to begin small again.
const steadyAfter = 10 * time.Second

// badFrameWait is how long the client stays away when the server did not understand it: only an update of the one or the
// other can help.
const badFrameWait = 5 * time.Minute

// reconnect says whether to connect again, and after which wait, which is not shorter than the server asked for. try counts
// the failures in a row, from 1.
func reconnect(e sessionEnd, try int, chance float64) (wait time.Duration, again bool) {
	switch {
	case e.code == protocol.CloseReplaced, errors.Is(e.err, ErrLoggedOut):
		return 0, false
	case e.code == protocol.CloseBadFrame:
		return badFrameWait, true
	case try == 1 && (e.code == protocol.CloseTokenExpired || e.code == protocol.CloseOwnerChanged):
		return 0, true
	case try == 1 && (refused(e.err) == codeTokenExpired || refused(e.err) == codeRegisterAgain):
		return 0, true
	}
	return max(backoff(try, chance), asked(e.err)), true
}
