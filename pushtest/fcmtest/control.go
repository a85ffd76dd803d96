package fcmtest

import (
	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// tokenBody is the body of POST /_sim/tokens.
type tokenBody struct {
	Token    string `json:"token" minLength:"1" maxLength:"4096" doc:"The FCM registration token."`
	Package  string `json:"package,omitempty" doc:"Android package, or with platform ios the bundle id; com.example.app unless told."`
	Platform string `json:"platform,omitempty" minLength:"1" enum:"android,ios" doc:"What the app runs on; android unless told. FCM hands messages to ios on to APNs."`
	Project  string `json:"project,omitempty" doc:"The simulator's own unless told; a send through another gets SENDER_ID_MISMATCH."`
	Online   *bool  `json:"online,omitempty" doc:"Connected to FCM; a new token is unless told, a known one stays as it is."`
}

// controlTokens lets the control API work on the server's tokens.
type controlTokens struct{ *Server }

func (c controlTokens) PutToken(b tokenBody) (string, bool, error) {
	created, err := c.put(Token{Token: b.Token, Package: b.Package, Project: b.Project, Platform: Platform(b.Platform)}, b.Online)
	return b.Token, created, err
}

func (c controlTokens) TokenState(token string) (TokenState, bool) { return c.State(token) }

func (c controlTokens) RetireToken(token string, _ simkit.Empty) (bool, error) {
	return c.Retire(token) == nil, nil
}

func (c controlTokens) UninstallToken(token string) bool { return c.Uninstall(token) == nil }

func (c controlTokens) ForgetToken(token string) bool { return c.Forget(token) }

func (s *Server) newControl() *simkit.Control {
	c := simkit.NewControl("Hush FCM simulator")
	simkit.TokenRoutes(c, simkit.Tokens[tokenBody, simkit.Empty](controlTokens{s}))
	simkit.CommonRoutes(c, s.kit.Clock, s.kit.Ledger, s.kit.Faults, s.Reset)
	c.HandleFile(simkit.CAFile(s.kit.CA))
	c.HandleFile(simkit.File{Path: "/_sim/service-account.json", Type: "application/json", Content: s.accountFile,
		Summary: "The service account, if the simulator has made it and kept it in memory; with --service-account it is a file."})
	return c
}

// accountFile gives out an account that exists nowhere else. One that came from a file may be a real one, and stays where it
// is.
func (s *Server) accountFile() ([]byte, error) {
	if !s.account.inMemory {
		return nil, rest.NotFound("the service account stands in a file, and is only given out when it does not")
	}
	return s.ServiceAccountJSON(), nil
}
