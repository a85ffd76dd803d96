package api

import (
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// appliesBody returns a resource with all defaults filled in, and the names of the settings that are defaults.
func appliesBody(r push.Resource) *protocol.Applies {
	body := &protocol.Applies{Defaults: []string{}}
	for _, s := range []struct {
		name     string
		provider push.Provider
		given    *push.Strategy
		filled   **protocol.Strategy
	}{{"apns", push.APNs, r.APNs, &body.APNs}, {"fcm", push.FCM, r.FCM, &body.FCM}} {
		if s.given == nil {
			continue
		}
		filled := r.Strategy(s.provider)
		if s.provider == push.APNs {
			filled.Priority = "" // APNs offers no choice
		}
		*s.filled = strategyBody(filled)
		for _, name := range s.given.Defaults(s.provider) {
			body.Defaults = append(body.Defaults, s.name+"."+name)
		}
	}
	return body
}
