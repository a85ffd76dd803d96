package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// need says which authorization a call requires.
type need struct {
	role   push.Role // the role of the server key; "": no key is required
	device devicePass
}

// devicePass is how a device authenticates.
type devicePass int

const (
	noDevice       devicePass = iota
	withCredential            // its credential
	withEither                // a user token, its credential, or both
)

// caller is the authenticated caller of a request.
type caller struct {
	key            push.ServerKey  // of calls that require a role
	device         push.Device     // the owner of the given credential; zero if none was given, or it is void
	credentialHash []byte          // of the given credential, void or not; nil without one
	claims         push.UserClaims // of the user token; zero without one
	app            string          // for a device's call: the credential's app, else the token's
}

// name returns the name under which limits count the caller: all devices of a user share one, and each server key has its own.
func (c caller) name() string {
	switch {
	case c.key.ID != "":
		return "key " + c.key.ID
	case c.claims.User != "":
		return "user " + c.app + "/" + c.claims.User
	}
	return "user " + c.device.App + "/" + c.device.User
}

// authorize returns the caller, or why the call is refused. It runs before everything else, so that a stranger learns nothing.
func (a *API) authorize(ctx context.Context, r *http.Request, n need) (caller, error) {
	if n.role != "" {
		return a.authorizeKey(ctx, r, n.role)
	}
	switch n.device {
	case withCredential:
		return a.authorizeCredential(ctx, r)
	case withEither:
		return a.authorizeDevice(ctx, r)
	}
	return caller{}, nil
}

// authorizeKey requires a server key with a role, for the app in the path. A key of another app is refused whether or not the app
// in the path exists.
func (a *API) authorizeKey(ctx context.Context, r *http.Request, role push.Role) (caller, error) {
	bearer, err := bearerOf(r)
	if err != nil {
		return caller{}, err
	}
	key, err := a.Auth.ServerKey(ctx, bearer)
	if err != nil {
		return caller{}, err
	}
	trailOf(ctx).setCaller(caller{key: key}) // also for the refusals below
	app := rest.PathValue(r, "app")
	if key.Role != push.RoleRoot && app != "" && key.App != app {
		return caller{}, newProblem(http.StatusForbidden, codeForbidden, "this key belongs to another app")
	}
	if !key.Role.Includes(role) {
		return caller{}, newProblem(http.StatusForbidden, codeForbidden, fmt.Sprintf("this key has the role %s; want %s", key.Role, role))
	}
	return caller{key: key}, nil
}

func (a *API) authorizeCredential(ctx context.Context, r *http.Request) (caller, error) {
	credential := r.Header.Get(protocol.HeaderDevice)
	device, err := a.Auth.DeviceByCredential(ctx, credential)
	if err != nil {
		return caller{}, err
	}
	return caller{device: device, credentialHash: a.Auth.Hash(credential), app: device.App}, nil
}

// authorizeDevice requires a user token, a device's credential, or both. Beside a valid token a void credential is accepted here:
// registration decides whether the device needs a valid one.
func (a *API) authorizeDevice(ctx context.Context, r *http.Request) (caller, error) {
	var c caller
	token := r.Header.Get("Authorization") != ""
	if token {
		bearer, err := bearerOf(r)
		if err != nil {
			return caller{}, err
		}
		if c.claims, err = a.Auth.UserToken(ctx, bearer); err != nil {
			return caller{}, err
		}
	}
	credential := r.Header.Get(protocol.HeaderDevice)
	if credential != "" || !token {
		device, err := a.Auth.DeviceByCredential(ctx, credential)
		if err != nil && !(token && errors.Is(err, push.ErrRegisterAgain)) {
			return caller{}, err
		}
		c.device, c.credentialHash = device, a.Auth.Hash(credential)
	}
	trailOf(ctx).setCaller(c)
	var err error
	c.app, err = appOf(c.device, c.claims, token)
	return c, err
}

// appOf returns the app of a device's call: the credential's, else the token's.
func appOf(device push.Device, claims push.UserClaims, token bool) (string, error) {
	switch {
	case device.App != "" && token && !claims.ForApp(device.App):
		return "", newProblem(http.StatusForbidden, codeForbidden, "the user token is for another app than the device's credential")
	case device.App != "":
		return device.App, nil
	case len(claims.Apps) == 1:
		return claims.Apps[0], nil
	}
	return "", newProblem(http.StatusUnauthorized, codeUnauthenticated,
		fmt.Sprintf("the user token is good for %d apps (%s); want a token for one of them, or the device's credential beside it",
			len(claims.Apps), strings.Join(claims.Apps, ", ")))
}

// bearerOf returns the secret in the header Authorization.
func bearerOf(r *http.Request) (string, error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	secret = strings.TrimSpace(secret)
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return "", newProblem(http.StatusUnauthorized, codeUnauthenticated, "no bearer came; want the header Authorization: Bearer with a server key, or a user token for a device's call")
	}
	return secret, nil
}

// The names of the security schemes in the document.
const (
	serverKeyScheme  = "serverKey"
	userTokenScheme  = "userToken"
	credentialScheme = "deviceCredential"
)

// security returns the need as the OpenAPI document states it.
func (n need) security() []map[string][]string {
	switch {
	case n.role != "":
		return []map[string][]string{{serverKeyScheme: {}}}
	case n.device == withCredential:
		return []map[string][]string{{credentialScheme: {}}}
	case n.device == withEither:
		return []map[string][]string{{userTokenScheme: {}}, {credentialScheme: {}}, {userTokenScheme: {}, credentialScheme: {}}}
	}
	return []map[string][]string{}
}

// app returns an error unless the app exists. For a key of the app itself nothing is looked up: it is deleted with its app.
func (a *API) app(ctx context.Context, c *call, name string) error {
	if c.key.App == name {
		return nil
	}
	_, err := a.Store.App(ctx, name)
	return missing(err, "app", name)
}

// storable reports whether the store can look up an id from a path: PostgreSQL's text accepts neither invalid UTF-8 nor U+0000.
func storable(id string) bool { return utf8.ValidString(id) && !strings.ContainsRune(id, 0) }
