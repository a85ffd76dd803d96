package api

import (
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// The fields of a line of an import, for those that have been read.
const (
	readDeviceID = 1 << iota
	readUser
	readPlatform
	readBundleID
	readPackage
	readEnvironment
	readToken
	readAppState
	readFacts
	readWakeKeyID
)

// readPlainLine reads a line of an import. ok is false if it is not plain.
func readPlainLine(text []byte) (l protocol.ImportLine, ok bool) {
	r := plainReader{body: text}
	read := 0
	once := func(field int) {
		r.odd = r.odd || read&field != 0
		read |= field
	}
	r.object(func(name []byte) {
		switch string(name) {
		case "device_id":
			once(readDeviceID)
			l.DeviceID = r.string()
		case "user":
			once(readUser)
			l.User = r.string()
		case "platform":
			once(readPlatform)
			l.Platform = oneOf(&r, push.IOS, push.Android)
		case "bundle_id":
			once(readBundleID)
			l.BundleID = r.string()
		case "package":
			once(readPackage)
			l.Package = r.string()
		case "environment":
			once(readEnvironment)
			l.Environment = oneOf(&r, push.Production, push.Development)
		case "provider_token":
			once(readToken)
			token := r.string()
			l.ProviderToken = &token
		case "app_state":
			once(readAppState)
			l.AppState = oneOf(&r, push.AppForeground, push.AppBackground)
		case "facts":
			once(readFacts)
			l.Facts = r.facts()
		case "wake_key_id":
			once(readWakeKeyID)
			l.WakeKeyID = r.string()
		default:
			r.odd = true
		}
	})
	const needed = readDeviceID | readUser | readPlatform
	return l, r.end() && read&needed == needed
}

// facts reads facts that are texts, true or false, and are not too long however they are written.
func (r *plainReader) facts() map[string]any {
	facts, from := map[string]any{}, r.at
	r.object(func(name []byte) {
		key := string(name)
		if _, again := facts[key]; again {
			r.odd = true
		}
		if r.skip() == '"' {
			facts[key] = r.string()
		} else {
			facts[key] = r.bool()
		}
	})
	r.odd = r.odd || r.at-from > protocol.MaxFactsBytes
	return facts
}
