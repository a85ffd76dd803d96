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

// Try tries the app's stored credential against APNs and sends to nobody: a request to a token that no device has is
// refused for the token, once all else is right. It has connections of its own, and no wake is held up by what it finds;
// the provider token is the one that wakes have, since APNs wants few new ones. The error is the store's; push.ErrNotFound:
// the app has no credential.
func (c *Client) Try(ctx context.Context, app string) (push.CredentialCheck, error) {
	return c.tries.Do(ctx, app, func(ctx context.Context) (push.CredentialCheck, error) {
		cred, info, err := c.cfg.Credentials.Credential(ctx, app, push.APNs)
		if err != nil {
			return push.CredentialCheck{}, fmt.Errorf("apns: look up the credential: %w", err)
		}
		topics := info.Topics
		if len(topics) == 0 && c.cfg.Topics != nil {
			if topics, err = c.cfg.Topics(ctx, app, triedMost); err != nil {
				return push.CredentialCheck{}, fmt.Errorf("apns: look up the topics of devices: %w", err)
			}
		}
		return c.try(ctx, cred, topics), nil
	})
}

// tried is one request's result.
type tried struct {
	where  string // the environment; "" where both have one address
	topic  string // "": none was named
	answer push.Answer
	err    *push.WakeError // nil: taken
}

func (c *Client) try(ctx context.Context, cred push.Credential, topics []string) push.CredentialCheck {
	id, err := provider.Identity(cred)
	var s *sender
	if err == nil {
		s, err = c.newSender(id, cred)
	}
	if err != nil {
		answer, _ := provider.NoCredential(push.APNs, err)
		return failed(answer, "APNs")
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	defer s.Close(now)
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
				one := c.tryOne(ctx, s, env, topic)
				if one.topic = topic; len(environments) > 1 {
					one.where = string(env)
				}
				results[i] = append(results[i], one)
			}
		})
	}
	wg.Wait()
	return sum(cred, slices.Concat(results...))
}

func (c *Client) tryOne(ctx context.Context, s *sender, env push.Environment, topic string) tried {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.RequestTimeout, errTimeout)
	defer cancel()
	token, err := s.token()
	var pool *h2push.Pool
	if err == nil {
		pool, err = s.pool(env)
	}
	if err != nil {
		return tried{answer: provider.NotSent(push.APNs, err.Error()), err: &push.WakeError{Fault: push.FaultCredentials, Err: err}}
	}
	header := []h2push.Field{
		{Name: "apns-push-type", Value: "background"}, {Name: "apns-priority", Value: "5"},
		{Name: "apns-id", Value: strings.ToLower(string(push.NewID()))}, {Name: "apns-expiration", Value: "0"},
	}
	if topic != "" {
		header = append(header, h2push.Field{Name: "apns-topic", Value: topic})
	}
	req := h2push.Request{Path: "/3/device/" + nobody, Header: header, Body: []byte(`{"aps":{"content-available":1}}`)}
	resp, err := pool.Do(ctx, authorized(req, token))
	secrets := func() []string { return []string{token.Reveal()} }
	var out tried
	if err != nil {
		out.answer, out.err = c.noAnswer(err, s, secrets)
	} else {
		out.answer, out.err = c.judge(resp, secrets)
	}
	return out
}

// works reports whether the credential was good: APNs looked at the token, or missed the topic that nobody named.
func (t tried) works() bool {
	switch {
	case t.err == nil:
		return true
	case t.answer.Error != push.FailureNone:
		return false
	case t.topic == "" && t.answer.Reason == "MissingTopic":
		return true
	}
	return t.err.Fault != push.FaultCredentials && t.err.Fault != push.FaultProvider
}

// otherEnvironments are the reasons of a credential that is for the other environment only.
var otherEnvironments = []string{"BadCertificateEnvironment", "BadEnvironmentKeyIdInToken", "BadEnvironmentKeyInToken"}

// sum makes sentences of all results: the first trouble counts. A credential for one environment only is none where it
// works in the other.
func sum(cred push.Credential, all []tried) push.CredentialCheck {
	var good, foreign []string
	var bad *tried
	for i, t := range all {
		switch {
		case t.works():
			good = append(good, t.place())
		case slices.Contains(otherEnvironments, t.answer.Reason):
			foreign = append(foreign, t.place())
			if bad == nil {
				bad = &all[i]
			}
		case bad == nil || slices.Contains(otherEnvironments, bad.answer.Reason):
			bad = &all[i]
		}
	}
	takes := fmt.Sprintf("APNs takes the %s%s.", kindOf(cred), strings.Join(good, ","))
	switch {
	case bad == nil:
		return push.CredentialCheck{OK: true, What: takes}
	case len(good) > 0 && slices.Contains(otherEnvironments, bad.answer.Reason):
		return push.CredentialCheck{OK: true, What: takes + fmt.Sprintf(" It is not meant for others: it was refused%s.", strings.Join(foreign, ","))}
	}
	c := bad.advice(cred)
	if len(good) > 0 {
		c.What += " " + takes
	}
	return c
}

// place is where, and for what, a request was tried.
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

// advice is what one trouble means, and what to change.
func (t tried) advice(cred push.Credential) push.CredentialCheck {
	if t.answer.Error != push.FailureNone && t.err.Fault == push.FaultProvider {
		return failed(t.answer, "APNs"+t.place())
	}
	kind, a := kindOf(cred), cred.APNs
	c := push.CredentialCheck{What: fmt.Sprintf("APNs refuses the %s%s: %d %s.", kind, t.place(), t.answer.Status, t.answer.Reason)}
	switch t.answer.Reason {
	case "InvalidProviderToken", "UnrelatedKeyIdInToken":
		c.Do = fmt.Sprintf("Compare key id %s and team id %s with Apple's developer account: the .p8 has to be of that key, and the key not revoked.", a.KeyID, a.TeamID)
	case "ExpiredProviderToken":
		c.Do = "Set this server's clock: APNs takes tokens that were signed within the last hour."
	case "TopicDisallowed", "BadTopic", "MissingTopic":
		c.Do = fmt.Sprintf("Name a bundle id that the %s is for: an app of the same team, with push notifications enabled.", kind)
	case "BadEnvironmentKeyIdInToken", "BadEnvironmentKeyInToken", "BadCertificateEnvironment":
		c.Do = fmt.Sprintf("Store a %s that is for this environment too, or see to the addresses in apns.url and apns.development_url.", kind)
	case "BadCertificate":
		c.Do = "Store a certificate that Apple gave for push notifications, and that is neither expired nor revoked."
	case "TooManyProviderTokenUpdates":
		c.Do = "Wait for 20 minutes: something signs tokens with this key too often, perhaps another sender."
	case "":
		c.Do = "Store the credential again."
	default:
		c.Do = "See to the key's or certificate's permissions in Apple's developer account."
	}
	if t.err.Fault == push.FaultProvider {
		c.What = fmt.Sprintf("APNs%s cannot answer: %d %s.", t.place(), t.answer.Status, t.answer.Reason)
		c.Do = "Try again later."
	}
	return c
}
