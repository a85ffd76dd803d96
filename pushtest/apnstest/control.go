package apnstest

import (
	"errors"
	"time"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// tokenBody is the body of POST /_sim/tokens.
type tokenBody struct {
	Token       string `json:"token" minLength:"1" maxLength:"400" doc:"The device token, hexadecimal."`
	Topic       string `json:"topic,omitempty" doc:"The app's bundle id; needed for a new token. It may be one that no --topic names."`
	Environment string `json:"environment,omitempty" minLength:"1" enum:"production,development" doc:"The simulator's own unless told; a send in the other one gets BadDeviceToken."`
	Online      *bool  `json:"online,omitempty" doc:"Connected to APNs; a new token is unless told, a known one stays as it is. true delivers what is stored."`

	Notifications *bool `json:"notifications,omitempty" doc:"Whether the person lets the app show notifications, as it is unless told; see the rule notifications.off."`
}

// retireBody is the body of POST /_sim/tokens/{token}/retire.
type retireBody struct {
	Reason string     `json:"reason,omitempty" minLength:"1" enum:"Unregistered,ExpiredToken" doc:"Unregistered unless told."`
	At     *time.Time `json:"at,omitempty" doc:"The timestamp of the 410; now unless told."`
}

// controlTokens lets the control API work on the server's tokens.
type controlTokens struct{ *Server }

func (c controlTokens) PutToken(b tokenBody) (string, bool, error) {
	created, err := c.put(Token{Token: b.Token, Topic: b.Topic, Environment: Environment(b.Environment)}, b.Online)
	if err == nil && b.Notifications != nil {
		err = c.SetNotifications(b.Token, *b.Notifications)
	}
	return b.Token, created, err
}

func (c controlTokens) TokenState(token string) (TokenState, bool) { return c.State(token) }

func (c controlTokens) RetireToken(token string, b retireBody) (bool, error) {
	reason, at := Unregistered, time.Time{}
	if b.Reason != "" {
		reason = Reason(b.Reason)
	}
	if b.At != nil {
		at = *b.At
	}
	err := c.Retire(token, reason, at)
	if errors.Is(err, errUnknownToken) {
		return false, nil
	}
	return true, err
}

func (c controlTokens) UninstallToken(token string) bool { return c.Uninstall(token) == nil }

func (c controlTokens) ForgetToken(token string) bool { return c.Forget(token) }

func (s *Server) newControl() *simkit.Control {
	c := simkit.NewControl("Hush APNs simulator")
	simkit.TokenRoutes(c, simkit.Tokens[tokenBody, retireBody](controlTokens{s}))
	simkit.CommonRoutes(c, s.kit.Clock, s.kit.Ledger, s.kit.Faults, s.Reset)
	c.HandleFile(simkit.CAFile(s.kit.CA))
	c.HandleFile(simkit.File{Path: "/_sim/key.p8", Type: "application/pkcs8", Content: s.keyFile,
		Summary: "The first signing key, if the simulator has made it and kept it in memory; with --key or --cert-dir it is a file."})
	c.HandleFile(simkit.File{Path: "/_sim/client.p12", Type: "application/x-pkcs12", Content: s.p12File,
		Summary: "A fresh client certificate for the topics that --topic names, with an empty password."})
	return c
}

// keyFile returns a key that exists nowhere else. It refuses one that came from a file, which may be a real one.
func (s *Server) keyFile() ([]byte, error) {
	if !s.access.keys[0].inMemory {
		return nil, rest.NotFound("the key stands in a file, and is only given out when it does not")
	}
	return s.access.keys[0].PEM, nil
}

func (s *Server) p12File() ([]byte, error) {
	if len(s.access.topics) == 0 {
		return nil, rest.NotFound("a certificate names its topics, and no --topic names one")
	}
	return s.ClientP12(s.access.topics)
}
