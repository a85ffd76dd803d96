package apns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/push"
)

const (
	nobody    = "0000000000000000000000000000000000000000000000000000000000000000" // a token that no device has
	triedMost = 5                                                                  // topics
)

// tried is one request's result.
type tried struct {
	where string // the environment; "" where both have one address
	topic string // "": none was named
	provider.Result
}

// try tries a credential: a request to a token that no device has is refused for the token, once all else is right. The
// provider token is the one that wakes have, since APNs wants few new ones.
func (c *Client) try(ctx context.Context, app string, cred push.Credential, info push.CredentialInfo) (push.CredentialCheck, error) {
	topics := info.Topics
	if len(topics) == 0 && c.cfg.Topics != nil {
		var err error
		if topics, err = c.cfg.Topics(ctx, app, triedMost); err != nil {
			return push.CredentialCheck{}, fmt.Errorf("apns: look up the topics of devices: %w", err)
		}
	}
	s, err := c.newSender(provider.Identity(cred), cred)
	if err != nil {
		return failed(provider.NoCredential(push.APNs, err), "APNs"), nil
	}
	defer provider.CloseNow(s)
	return sum(cred, c.tryAll(ctx, s, topics)), nil
}

// tryAll tries each topic, in each environment at the same time.
func (c *Client) tryAll(ctx context.Context, s *sender, topics []string) []tried {
	if len(topics) == 0 {
		topics = []string{""}
	}
	environments := []push.Environment{push.Production, push.Development}
	if c.cfg.URL == c.cfg.DevelopmentURL {
		environments = environments[:1]
	}
	results := make([][]tried, len(environments))
	var wg sync.WaitGroup
	for i, env := range environments {
		wg.Go(func() {
			for _, topic := range topics[:min(len(topics), triedMost)] {
				one := tried{topic: topic, Result: s.try(ctx, env, topic)}
				if len(environments) > 1 {
					one.where = string(env)
				}
				results[i] = append(results[i], one)
			}
		})
	}
	wg.Wait()
	return slices.Concat(results...)
}

// try makes one request.
func (s *sender) try(ctx context.Context, env push.Environment, topic string) provider.Result {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.RequestTimeout, errTimeout)
	defer cancel()
	token, err := s.token()
	if err != nil {
		return unsigned(err)
	}
	header := []h2push.Field{
		{Name: "apns-push-type", Value: "background"}, {Name: "apns-priority", Value: "5"},
		{Name: "apns-id", Value: strings.ToLower(string(push.NewID()))}, {Name: "apns-expiration", Value: "0"},
	}
	if topic != "" {
		header = append(header, h2push.Field{Name: "apns-topic", Value: topic})
	}
	req := h2push.Request{Path: "/3/device/" + nobody, Header: header, Body: []byte(`{"aps":{"content-available":1}}`)}
	return s.do(ctx, env, authorized(req, token), provider.Secrets{Access: token})
}

// works reports whether the credential is good: APNs looked at the token, or missed a topic where we named none.
func (t tried) works() bool {
	switch {
	case t.Refused == nil:
		return true
	case t.Answer.Error != push.FailureNone:
		return false
	case t.topic == "" && t.Answer.Reason == "MissingTopic":
		return true
	}
	return t.Refused.Fault != push.FaultCredentials && t.Refused.Fault != push.FaultProvider
}

// otherEnvironments are the reasons of a credential that is for the other environment only.
var otherEnvironments = []string{"BadCertificateEnvironment", "BadEnvironmentKeyIdInToken", "BadEnvironmentKeyInToken"}

// sum puts all results into sentences: the first trouble counts. That a credential is for one environment only is no trouble if
// it works there.
func sum(cred push.Credential, all []tried) push.CredentialCheck {
	var good, foreign []string
	var bad *tried
	for i, t := range all {
		switch {
		case t.works():
			good = append(good, t.place())
		case slices.Contains(otherEnvironments, t.Answer.Reason):
			foreign = append(foreign, t.place())
			if bad == nil {
				bad = &all[i]
			}
		case bad == nil || slices.Contains(otherEnvironments, bad.Answer.Reason):
			bad = &all[i]
		}
	}
	takes := fmt.Sprintf("APNs takes the %s%s.", kindOf(cred), strings.Join(good, ","))
	switch {
	case bad == nil:
		return push.CredentialCheck{OK: true, What: takes}
	case len(good) > 0 && slices.Contains(otherEnvironments, bad.Answer.Reason):
		return push.CredentialCheck{OK: true, What: takes + fmt.Sprintf(" It is not meant for others: it was refused%s.", strings.Join(foreign, ","))}
	}
	c := bad.advice(cred)
	if len(good) > 0 {
		c.What += " " + takes
	}
	return c
}

// place returns where, and for what, a request was tried.
func (t tried) place() string {
	var s string
	if t.topic != "" {
		s += " for " + t.topic
	}
	if t.where != "" {
		s += " in " + t.where
	}
	return s
}

func kindOf(cred push.Credential) string {
	if cred.APNs.Key != "" {
		return "key"
	}
	return "certificate"
}

func failed(a push.Answer, name string) push.CredentialCheck {
	return provider.Failed(a, name, "apns.url or apns.development_url, if they are set", "apns.ca")
}

// advice returns what one trouble means, and what to change.
func (t tried) advice(cred push.Credential) push.CredentialCheck {
	if t.Answer.Error != push.FailureNone && t.Refused.Fault == push.FaultProvider {
		return failed(t.Answer, "APNs"+t.place())
	}
	kind, a := kindOf(cred), cred.APNs
	c := push.CredentialCheck{What: fmt.Sprintf("APNs refuses the %s%s: %d %s.", kind, t.place(), t.Answer.Status, t.Answer.Reason)}
	switch t.Answer.Reason {
	case "InvalidProviderToken", "UnrelatedKeyIdInToken":
		c.Do = fmt.Sprintf("Compare key id %s and team id %s with Apple's developer account: the .p8 has to be of that key, and the key not revoked.", a.KeyID, a.TeamID)
	case "ExpiredProviderToken":
		c.Do = "Set this server's clock: APNs takes tokens that were signed within the last hour."
	case "TopicDisallowed", "BadTopic", "MissingTopic":
		c.Do = fmt.Sprintf("Name a bundle id that the %s is for: an app of the same team, with push notifications enabled.", kind)
	case "BadEnvironmentKeyIdInToken", "BadEnvironmentKeyInToken", "BadCertificateEnvironment":
		c.Do = fmt.Sprintf("Store a %s that is for this environment too, or check the addresses in apns.url and apns.development_url.", kind)
	case "BadCertificate":
		c.Do = "Store a certificate that Apple gave for push notifications, and that is neither expired nor revoked."
	case "TooManyProviderTokenUpdates":
		c.Do = "Wait for 20 minutes: something signs tokens with this key too often, perhaps another sender."
	case "":
		c.Do = "Store the credential again."
	default:
		c.Do = "Check the key's or certificate's permissions in Apple's developer account."
	}
	if t.Refused.Fault == push.FaultProvider {
		c.What = fmt.Sprintf("APNs%s cannot answer: %d %s.", t.place(), t.Answer.Status, t.Answer.Reason)
		c.Do = "Try again later."
	}
	return c
}
