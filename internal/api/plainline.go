package api

import (
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// lineFields are the fields of a line of an import. The first three are required.
var lineFields = []string{"device_id", "user", "platform", "bundle_id", "package", "environment", "provider_token", "app_state", "facts", "wake_key_id"}

// readPlainLine reads a line of an import. ok is false if it is not plain.
func readPlainLine(text []byte) (l protocol.ImportLine, ok bool) {
	r := plainReader{body: text}
	there := r.object(lineFields, func(name string) {
		switch name {
		case "device_id":
			l.DeviceID = r.string()
		case "user":
			l.User = r.string()
		case "platform":
			l.Platform = oneOf(&r, push.IOS, push.Android)
		case "bundle_id":
			l.BundleID = r.string()
		case "package":
			l.Package = r.string()
		case "environment":
			l.Environment = oneOf(&r, push.Production, push.Development)
		case "provider_token":
			token := r.string()
			l.ProviderToken = &token
		case "app_state":
			l.AppState = oneOf(&r, push.AppForeground, push.AppBackground)
		case "facts":
			l.Facts = r.facts()
		case "wake_key_id":
			l.WakeKeyID = r.string()
		}
	})
	return l, r.end() && there&0b111 == 0b111
}

// facts reads facts that are all strings or booleans, and not too long in any spelling.
func (r *plainReader) facts() map[string]any {
	facts, from := map[string]any{}, r.at
	r.members(func(name []byte) {
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
