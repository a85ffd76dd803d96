package worldtest

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// The control API of a world. Below /_sim/apns/ and /_sim/fcm/ each provider has its own, whole; what is at /_sim/ itself is
// about the world: phones, time and reset of everything, and tokens, requests and faults of both providers, each of which
// finds the provider that it means.

// providerNames are the folders of the providers' own APIs, and how the world's API calls them.
const (
	nameAPNs = "apns"
	nameFCM  = "fcm"
)

func (w *World) newControl() *simkit.Control {
	c := simkit.NewControl("Hush: a world of APNs, FCM and phones")
	c.Mount(nameAPNs, w.providerControl(nameAPNs))
	c.Mount(nameFCM, w.providerControl(nameFCM))
	w.phoneRoutes(c)
	w.tokenRoutes(c)
	w.requestRoutes(c)
	w.faultRoutes(c)
	c.HandleFile(simkit.File{Path: "/_sim/ca.pem", Type: "application/x-pem-file", Summary: "The certificates to trust: without --cert-dir each provider has one of its own.",
		Content: func() ([]byte, error) { return w.caPEM(), nil }})
	simkit.Handle(c, rest.Route{Method: "POST", Path: "/_sim/clock", Summary: "Advance the time of the whole world; what becomes due has begun before the answer. Senders keep their own time: what Hush holds for a budget stays."},
		func(_ context.Context, in *simkit.WithBody[simkit.ClockAdvance]) (*rest.Answer[simkit.ClockState], error) {
			return rest.NewAnswer(http.StatusOK, simkit.ClockState{Now: w.Advance(in.Body.Advance.Std())}), nil
		})
	simkit.Handle(c, rest.Route{Method: "POST", Path: "/_sim/reset", Summary: "No phones; tokens, requests, faults, storage and time as at the start.", Status: http.StatusNoContent},
		func(context.Context, *simkit.WithBody[simkit.Empty]) (*rest.None, error) {
			w.Reset()
			return &rest.None{}, nil
		})
	return c
}

// caPEM is the certificates to trust, once if they are the same.
func (w *World) caPEM() []byte {
	pem := w.APNs.CAPEM()
	if fcm := w.FCM.CAPEM(); !bytes.Equal(pem, fcm) {
		pem = slices.Concat(pem, fcm)
	}
	return pem
}

// ControlHandler is the control API as a handler, for tests that mount it on a server of their own.
func (w *World) ControlHandler() http.Handler { return w.control }

func (w *World) providerControl(name string) *simkit.Control {
	h := w.APNs.ControlHandler()
	if name == nameFCM {
		h = w.FCM.ControlHandler()
	}
	return h.(*simkit.Control) // which both make
}

// whose is the provider that knows a token; "" if neither does.
func (w *World) whose(token string) string {
	if _, known := w.APNs.State(token); known {
		return nameAPNs
	}
	if _, known := w.FCM.State(token); known {
		return nameFCM
	}
	return ""
}

// TokenBody is the body of POST /_sim/tokens: what both providers take.
type TokenBody struct {
	Token       string `json:"token" minLength:"1" maxLength:"4096" doc:"The device token. A known one is its provider's; else topic, environment or notifications say APNs, package, project or platform FCM; else one in hexadecimal is APNs'."`
	Topic       string `json:"topic,omitempty" doc:"APNs: the app's bundle id."`
	Environment string `json:"environment,omitempty" minLength:"1" enum:"production,development" doc:"APNs."`
	Package     string `json:"package,omitempty" doc:"FCM: Android package, or the bundle id."`
	Platform    string `json:"platform,omitempty" minLength:"1" enum:"android,ios" doc:"FCM: what the app runs on."`
	Project     string `json:"project,omitempty" doc:"FCM: project id."`
	Online      *bool  `json:"online,omitempty"`

	Notifications *bool `json:"notifications,omitempty" doc:"APNs: whether the person lets the app show notifications."`
}

// RetireBody is the body of POST /_sim/tokens/{token}/retire; FCM takes an empty one.
type RetireBody struct {
	Reason string     `json:"reason,omitempty" minLength:"1" enum:"Unregistered,ExpiredToken" doc:"APNs."`
	At     *time.Time `json:"at,omitempty" doc:"APNs: the timestamp of the 410."`
}

// provider says which one a body means.
func (b *TokenBody) provider(known string) (string, error) {
	apns := b.Topic != "" || b.Environment != "" || b.Notifications != nil
	fcm := b.Package != "" || b.Project != "" || b.Platform != ""
	switch {
	case apns && fcm:
		return "", rest.Invalid(rest.Fault{Location: "body.package", Code: "one_of",
			Message: "package, project and platform are FCM's, topic, environment and notifications APNs'; give those of one"})
	case known != "":
		return known, nil // which refuses the other's fields by name
	case apns || !fcm && isHex(b.Token):
		return nameAPNs, nil
	}
	return nameFCM, nil
}

func isHex(s string) bool {
	return len(s)%2 == 0 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

func (w *World) tokenRoutes(c *simkit.Control) {
	type (
		result = *rest.Answer[simkit.TokenResult]
		state  = *rest.Answer[simkit.TokenState]
	)
	simkit.Forward[simkit.WithBody[TokenBody], result](c, simkit.PutToken,
		func(_ context.Context, in *simkit.WithBody[TokenBody]) (*simkit.Control, error) {
			name, err := in.Body.provider(w.whose(in.Body.Token))
			if err != nil {
				return nil, err
			}
			return w.providerControl(name), nil
		})
	simkit.Forward[simkit.OfToken, state](c, simkit.GetToken, func(_ context.Context, in *simkit.OfToken) (*simkit.Control, error) {
		return w.controlOf(in.Token)
	})
	simkit.Forward[simkit.OfTokenWithBody[RetireBody], state](c, simkit.RetireToken,
		func(_ context.Context, in *simkit.OfTokenWithBody[RetireBody]) (*simkit.Control, error) {
			return w.controlOf(in.Token)
		})
	simkit.Forward[simkit.OfTokenWithBody[simkit.Empty], state](c, simkit.UninstallToken,
		func(_ context.Context, in *simkit.OfTokenWithBody[simkit.Empty]) (*simkit.Control, error) {
			return w.controlOf(in.Token)
		})
	simkit.Forward[simkit.OfToken, *rest.None](c, simkit.ForgetToken, func(_ context.Context, in *simkit.OfToken) (*simkit.Control, error) {
		return w.controlOf(in.Token)
	})
}

// controlOf is the API of the provider that knows a token.
func (w *World) controlOf(token string) (*simkit.Control, error) {
	name := w.whose(token)
	if name == "" {
		return nil, rest.NotFound("neither provider knows this token")
	}
	return w.providerControl(name), nil
}
