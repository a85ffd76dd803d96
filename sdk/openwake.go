package sdk

import (
	"context"

	"github.com/hushpush/hush/protocol"
)

// openWake returns what is sealed in a wake, and whose it is. A wake that is ours and that the phone cannot open is returned
// empty, and so is one of a newer version: it only rings, its pushes are in the inbox.
func (r *registrar) openWake(ctx context.Context, sealed protocol.SealedWake) (w protocol.Wake, of owner, ours bool, err error) {
	i, err := r.dir.self()
	if err != nil {
		return w, of, false, err
	}
	if sealed.V > protocol.WakeVersion {
		return w, i.owner(), i.registered(), nil
	}
	if w, ours = i.open(sealed); ours || i.LoggedOut {
		return w, i.owner(), ours, nil
	}
	// The wake may have overtaken the answer to a registration: the server wakes a device the moment it is registered.
	if i, err = r.underWay(ctx); err != nil {
		return w, of, false, err
	}
	if w, ours = i.open(sealed); ours || !i.registered() {
		return w, i.owner(), ours, nil
	}
	ours, err = r.reportForeign(ctx, i, sealed)
	return w, i.owner(), ours, err
}

// markBytes is how much of a sealed wake distinguishes it from any other: its nonce, in base64url.
const markBytes = 16

// reportForeign reports a wake that the phone cannot open, each once, and keeps the key if the server says that the wake is
// this device's after all. If the server cannot be asked, the wake is dropped: whatever it was, the inbox has it.
func (r *registrar) reportForeign(ctx context.Context, i identity, sealed protocol.SealedWake) (ours bool, err error) {
	mark := sealed.S[:min(markBytes, len(sealed.S))]
	if mark == i.Reported {
		return false, nil
	}
	key, err := r.calls.foreignWake(ctx, who{credential: i.Credential}, protocol.ForeignWake{K: sealed.K, S: sealed.S})
	if refused(err) == codeRegisterAgain {
		return false, r.forgetCredential(i.Credential)
	}
	if err != nil {
		r.log.Info("a wake that is not for the present owner could not be reported", "error", err)
		return false, nil
	}
	now, err := r.dir.update(func(now *identity) {
		if now.Credential != i.Credential {
			return
		}
		now.Reported = mark
		now.addKey(key)
	})
	return key != nil && now.Credential == i.Credential, err
}
