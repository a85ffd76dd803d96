package worldtest

import (
	"context"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

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

// provider returns the name of the provider that a body means.
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

func (p providers) tokenRoutes(c *simkit.Control) {
	type (
		result = *rest.Answer[simkit.TokenResult]
		state  = *rest.Answer[simkit.TokenState]
	)
	simkit.Forward[simkit.WithBody[TokenBody], result](c, simkit.PutToken,
		func(_ context.Context, in *simkit.WithBody[TokenBody]) (*simkit.Control, error) {
			name, err := in.Body.provider(p.whose(in.Body.Token))
			if err != nil {
				return nil, err
			}
			return p.controlNamed(name), nil
		})
	simkit.Forward[simkit.OfToken, state](c, simkit.GetToken, func(_ context.Context, in *simkit.OfToken) (*simkit.Control, error) {
		return p.controlOf(in.Token)
	})
	simkit.Forward[simkit.OfTokenWithBody[RetireBody], state](c, simkit.RetireToken,
		func(_ context.Context, in *simkit.OfTokenWithBody[RetireBody]) (*simkit.Control, error) {
			return p.controlOf(in.Token)
		})
	simkit.Forward[simkit.OfTokenWithBody[simkit.Empty], state](c, simkit.UninstallToken,
		func(_ context.Context, in *simkit.OfTokenWithBody[simkit.Empty]) (*simkit.Control, error) {
			return p.controlOf(in.Token)
		})
	simkit.Forward[simkit.OfToken, *rest.None](c, simkit.ForgetToken, func(_ context.Context, in *simkit.OfToken) (*simkit.Control, error) {
		return p.controlOf(in.Token)
	})
}
