package api

import (
	"context"
	"net/http"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// credentialStore stores, encrypted, an app's credentials for its providers.
type credentialStore interface {
	// PutCredential stores or replaces a credential and makes the devices that wait for one due; push.ErrNotFound if there is no
	// such app.
	PutCredential(ctx context.Context, app string, info push.CredentialInfo, credential push.Credential) (created bool, err error)

	// Credentials returns the readable parts of an app's credentials, by provider.
	Credentials(ctx context.Context, app string) ([]push.CredentialInfo, error)

	DeleteCredential(ctx context.Context, app string, provider push.Provider) error
}

type putAPNsInput struct {
	AppPath
	Body protocol.APNsProvider
}

type putFCMInput struct {
	AppPath
	Body protocol.FCMProvider
}

func (a *API) providerRoutes() {
	const providers = "/v1/apps/{app}/providers"
	register(a, route{id: "putAPNs", audit: "provider.put", target: "apns", method: http.MethodPut, path: providers + "/apns", tag: chapterPolicy, needs: needsAdmin, limit: maxCredentialBody, also: http.StatusCreated, checks: true,
		summary: "Store the app's APNs credentials", about: "A signing key (.p8) or a certificate (.p12). They are checked first, and encrypted at rest.",
		example: protocol.APNsProvider{Key: exampleKey, KeyID: "ABC123DEFG", TeamID: "DEF123GHIJ", Topics: []string{"com.example.notes"}}}, a.putAPNs)
	register(a, route{id: "putFCM", audit: "provider.put", target: "fcm", method: http.MethodPut, path: providers + "/fcm", tag: chapterPolicy, needs: needsAdmin, limit: maxCredentialBody, also: http.StatusCreated, checks: true,
		summary: "Store the app's FCM credentials", about: "A service account's JSON, as Google gives it. It is checked first, and encrypted at rest.",
		example: protocol.FCMProvider{ServiceAccount: exampleServiceAccount}}, a.putFCM)
	register(a, route{id: "deleteAPNs", audit: "provider.delete", target: "apns", method: http.MethodDelete, path: providers + "/apns", tag: chapterPolicy, needs: needsAdmin, status: http.StatusNoContent,
		summary: "Delete the app's APNs credentials"}, a.deleteProvider(push.APNs))
	register(a, route{id: "deleteFCM", audit: "provider.delete", target: "fcm", method: http.MethodDelete, path: providers + "/fcm", tag: chapterPolicy, needs: needsAdmin, status: http.StatusNoContent,
		summary: "Delete the app's FCM credentials"}, a.deleteProvider(push.FCM))
	const aboutCheck = "Says in sentences what works, or what does not and what to change. One check of an app runs at a time, for half a minute at most."
	register(a, route{id: "checkAPNs", method: http.MethodPost, path: providers + "/apns/check", tag: chapterPolicy, needs: needsAdmin,
		summary: "Try the app's stored APNs credentials, and send to nobody", about: aboutCheck}, a.checkProvider(push.APNs))
	register(a, route{id: "checkFCM", method: http.MethodPost, path: providers + "/fcm/check", tag: chapterPolicy, needs: needsAdmin,
		summary: "Try the app's stored FCM credentials, and send to nobody", about: aboutCheck}, a.checkProvider(push.FCM))
	register(a, route{id: "listProviders", method: http.MethodGet, path: providers, tag: chapterPolicy, needs: needsAdmin,
		summary: "Read kind, ids and validity of the app's credentials"}, a.listProviders)
}

func (a *API) putAPNs(ctx context.Context, c *call, in *putAPNsInput) (*rest.Answer[protocol.CredentialInfo], error) {
	b := in.Body
	switch {
	case b.Key != "" && b.P12 != "":
		c.faults.add("body", push.CodeOneOf, "has both key and p12; want one of them")
	case b.Key == "" && b.P12 == "":
		c.faults.add("body", push.CodeOneOf, "has neither key nor p12; want one of them")
	}
	p12, err := decodeBase64(b.P12)
	if err != nil {
		c.faults.add("body.p12", push.CodeBadValue, "is not base64; want the .p12 file in base64")
	}
	return a.putCredential(ctx, c, in.App, push.APNs, push.Credential{APNs: &push.APNsCredential{
		Key: push.Secret(b.Key), KeyID: b.KeyID, TeamID: b.TeamID, Topics: b.Topics, P12: p12, Password: push.Secret(b.Password),
	}})
}

func (a *API) putFCM(ctx context.Context, c *call, in *putFCMInput) (*rest.Answer[protocol.CredentialInfo], error) {
	return a.putCredential(ctx, c, in.App, push.FCM, push.Credential{FCM: &push.FCMCredential{ServiceAccount: in.Body.ServiceAccount}})
}

// putCredential has the provider's room check a credential and stores it.
func (a *API) putCredential(ctx context.Context, c *call, app string, provider push.Provider, credential push.Credential) (*rest.Answer[protocol.CredentialInfo], error) {
	if err := a.app(ctx, c, app); err != nil {
		return nil, err
	}
	if err := c.faults.err(); err != nil {
		return nil, err
	}
	info, err := a.Checkers[provider].Check(ctx, credential)
	if err := c.faults.addFrom("body.", err); err != nil {
		return nil, err
	}
	if err := c.faults.err(); err != nil {
		return nil, err
	}
	info.Provider, info.UpdatedAt = provider, a.Now().UTC()
	isNew, err := a.Store.PutCredential(ctx, app, info, credential)
	if err != nil {
		return nil, missing(err, "app", app)
	}
	a.Delivery.CredentialsChanged(app, provider)
	return rest.NewAnswer(created(isNew), protocol.NewCredentialInfo(info)), nil
}

func (a *API) deleteProvider(provider push.Provider) func(context.Context, *call, *AppPath) (*rest.None, error) {
	return func(ctx context.Context, c *call, in *AppPath) (*rest.None, error) {
		if err := a.Store.DeleteCredential(ctx, in.App, provider); err != nil {
			return nil, missing(err, "credential for", string(provider))
		}
		return &rest.None{}, nil
	}
}

func (a *API) checkProvider(provider push.Provider) func(context.Context, *call, *AppPath) (*rest.Answer[protocol.CredentialCheck], error) {
	return func(ctx context.Context, c *call, in *AppPath) (*rest.Answer[protocol.CredentialCheck], error) {
		if err := a.app(ctx, c, in.App); err != nil {
			return nil, err
		}
		result, err := a.Checkers[provider].Try(ctx, in.App)
		if err != nil {
			return nil, missing(err, "credential for", string(provider))
		}
		return rest.NewAnswer(http.StatusOK, protocol.NewCredentialCheck(result)), nil
	}
}

func (a *API) listProviders(ctx context.Context, c *call, in *AppPath) (*rest.Answer[protocol.Providers], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	infos, err := a.Store.Credentials(ctx, in.App)
	if err != nil {
		return nil, err
	}
	return rest.NewAnswer(http.StatusOK, protocol.Providers{Providers: listOf(infos, protocol.NewCredentialInfo)}), nil
}
