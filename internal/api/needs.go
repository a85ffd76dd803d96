package api

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

// Store is all that api asks of the store, by role. What is not there is push.ErrNotFound. What a method changes is committed and
// flushed when it returns without an error, and not begun if the error is the context's. Lists are paged: "" is the cursor of the first
// page and, as next, says that there is no other one; push.FieldErrors: no page of this list gave the cursor. A limit above 1 000 is
// 1 000.
type Store interface {
	appStore
	serverKeyStore
	signingKeyStore
	credentialStore
	resourceStore
	userStore
	deviceStore
	registerStore
	wakeKeyStore
	audienceStore
	pushStore
	pushListStore
	answerStore
	followStore
	listenStore
}

// Delivery is what api asks of the room that decides.
type Delivery interface {
	// Accept commits a push, flushed to disk, and takes it further. push.ErrConflict: the idempotency key came with
	// another body.
	Accept(ctx context.Context, p push.Push, key *push.Idempotency) (push.Accepted, error)
	AcceptBatch(ctx context.Context, pushes []push.Push) []push.AcceptResult
	// Budgets says for which of the devices a budget keeps the next wake back.
	Budgets(ctx context.Context, keys []push.DeviceKey) (map[push.DeviceKey]push.BudgetWait, error)
	// Explain says why a device gets what it gets. push.ErrNotFound: it is not known, or no more.
	Explain(ctx context.Context, key push.DeviceKey, hasCredential func(push.Provider) bool) (push.Explanation, error)
	DryRun(ctx context.Context, p push.Push) ([]push.Decision, []push.Warning, error)
	Receive(ctx context.Context, d push.Device, receipts []push.Receipt) (statuses []push.ReceiptStatus, open int, err error)
	// Look is a hint that something about the devices changed.
	Look(keys ...push.DeviceKey)
	// CredentialsChanged lets go what the app's former credentials held up.
	CredentialsChanged(app string, provider push.Provider)
}

// Auth authenticates callers, and makes their secrets.
type Auth interface {
	ServerKey(ctx context.Context, bearer string) (push.ServerKey, error)
	UserToken(ctx context.Context, token string) (push.UserClaims, error)
	DeviceByCredential(ctx context.Context, credential string) (push.Device, error)
	MintUserToken(ctx context.Context, app, user string, ttl time.Duration) (token string, expires time.Time, err error)
	// Hold calls end once if what a stream leans on falls, until release is called. end must not wait.
	Hold(g push.Ground, end func(why error)) (release func())
	UserTokenMax() time.Duration // how long a user token may live
	CheckSigningKey(key push.SigningKey) error
	NewServerKey() (id, secret string, hash []byte)
	NewCredential() (secret string, hash []byte)
	WakeKey(device push.DeviceKey, id string) push.WakeKey
	Hash(secret string) []byte
}

// CredentialChecker reads an app's credential of one provider before it is stored. What is wrong with it is told as
// push.FieldErrors by the names of the body.
type CredentialChecker interface {
	Check(ctx context.Context, credential push.Credential) (push.CredentialInfo, error)
	// Try tries the stored one against the provider, and sends to nobody. push.ErrNotFound: the app has none.
	Try(ctx context.Context, app string) (push.CredentialCheck, error)
}

// Sessions ends the sockets of devices. An empty session means whichever is open.
type Sessions interface {
	Drop(key push.DeviceKey, session string, code int)
	// DropApp ends all of an app's.
	DropApp(app string, code int)
}
