package fcm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/push"
)

// nobody is a token of no device.
const nobody = "hush-provider-check:sends-to-nobody"

// try tries a credential: it asks for an access token, and has FCM check a message, to a token that no device has, that it is
// not to send.
func (c *Client) try(ctx context.Context, _ string, cred push.Credential, _ push.CredentialInfo) (push.CredentialCheck, error) {
	s, err := c.newSender(cred)
	if err != nil {
		return failed(provider.NoCredential(push.FCM, err)), nil
	}
	defer provider.CloseNow(s)
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.RequestTimeout, errTimeout)
	defer cancel()
	return s.try(ctx), nil
}

func (s *sender) try(ctx context.Context) push.CredentialCheck {
	access, err := s.tokens.get(ctx)
	if err != nil {
		return adviceOnToken(err)
	}
	const body = `{"validate_only":true,"message":{"token":"` + nobody + `"}}`
	secrets := provider.Secrets{Access: access}
	resp, err := s.pool.Do(ctx, s.request([]byte(body), access))
	if err != nil {
		return failed(s.cfg.unanswered(err, secrets).Answer)
	}
	r, _ := s.cfg.interpret(resp, 1, secrets)
	return advice(s.tokens.account, r.Answer, r.Refused, parseRefusal(resp.Status, resp.Body).cause)
}

func failed(a push.Answer) push.CredentialCheck {
	return provider.Failed(a, "FCM", "fcm.url, if it is set", "fcm.ca")
}

func failedToken(a push.Answer) push.CredentialCheck {
	return provider.Failed(a, "Google's token endpoint", "fcm.token_url or the service account's token_uri", "fcm.ca")
}

// adviceOnToken returns what it means that no access token could be had.
func adviceOnToken(err error) push.CredentialCheck {
	var e *OAuthError
	if !errors.As(err, &e) {
		return failedToken(provider.Lost(push.FCM, err, provider.Secrets{}))
	}
	if e.Failure != push.FailureNone {
		a := push.Answer{Status: e.Status, Error: e.Failure, Detail: e.Detail}
		return failedToken(a)
	}
	c := push.CredentialCheck{What: fmt.Sprintf("Google gives the service account no access token: %d %s, %s.", e.Status, e.Reason, strings.TrimSuffix(e.Detail, "."))}
	text := strings.ToLower(e.Detail)
	switch {
	case !e.refused():
		c.Do = "Try again later."
	case strings.Contains(text, "timeframe") || strings.Contains(text, "iat") || strings.Contains(text, "clock"):
		c.Do = "Set this server's clock: Google takes assertions that were signed within the last hour."
	case strings.Contains(text, "signature"):
		c.Do = "Make a new key for the service account and store its JSON: this one was deleted, or belongs to another account."
	case strings.Contains(text, "account not found"):
		c.Do = "Store the JSON of a service account that exists: this one was deleted."
	default:
		c.Do = "Check in Google Cloud whether the service account and this key of it exist and are enabled, and whether this server's clock is right."
	}
	return c
}

// advice returns what FCM's answer means, and what to change. why is the reason of its ErrorInfo.
func advice(a *account, answer push.Answer, refused *push.WakeError, why string) push.CredentialCheck {
	if answer.Error != push.FailureNone {
		return failed(answer)
	}
	if refused == nil || refused.Fault != push.FaultCredentials && refused.Fault != push.FaultProvider || refused.Reach == push.ReachDevice {
		return push.CredentialCheck{OK: true, What: fmt.Sprintf("FCM takes the service account %s for project %s.", a.email, a.project)}
	}
	c := push.CredentialCheck{What: fmt.Sprintf("FCM refuses the service account %s for project %s: %d %s, %s.",
		a.email, a.project, answer.Status, answer.Reason, strings.TrimSuffix(answer.Detail, "."))}
	switch {
	case refused.Fault == push.FaultProvider:
		c.What = fmt.Sprintf("FCM cannot answer: %d %s.", answer.Status, answer.Reason)
		c.Do = "Try again later."
	case why == "SERVICE_DISABLED" || strings.Contains(answer.Detail, "has not been used in project"):
		c.Do = fmt.Sprintf("Enable the Firebase Cloud Messaging API (V1) for project %s in Google Cloud.", a.project)
	case answer.Status == http.StatusForbidden:
		c.Do = fmt.Sprintf("Give the service account a role with the permission cloudmessaging.messages.create in project %s, such as Firebase Cloud Messaging API Admin.", a.project)
	case answer.Status == http.StatusNotFound:
		c.Do = "Store the service account of a Firebase project: FCM knows none with this project_id."
	case answer.Status == http.StatusUnauthorized:
		c.Do = "Store a new key of the service account; if FCM refuses that as well, check fcm.token_url and fcm.url, which have to belong together."
	default:
		c.Do = "Check the service account's permissions in Google Cloud."
	}
	return c
}
