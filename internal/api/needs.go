package api

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

// Store is all that api needs from the store, by role. Missing rows are push.ErrNotFound. A change is committed and flushed when
// its method returns without an error, and has not begun if the error is the context's. Lists are paged: the cursor "" asks for
// the first page, and next is "" after the last one. The error is push.FieldErrors if the cursor did not come from this list. A
// limit above 1 000 is treated as 1 000.
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

// Delivery is what api needs from the room that decides.
type Delivery interface {
	// Accept commits a push, flushed to disk, and starts its delivery. push.ErrConflict: the idempotency key came with another
	// body.
	Accept(ctx context.Context, p push.Push, key *push.Idempotency) (push.Accepted, error)
	AcceptBatch(ctx context.Context, pushes []push.Push) []push.AcceptResult
	// Budgets returns those of the devices whose next wake waits for a budget.
	Budgets(ctx context.Context, keys []push.DeviceKey) (map[push.DeviceKey]push.BudgetWait, error)
	// Explain says why a device gets what it gets. push.ErrNotFound: the device is unknown or no longer registered.
	Explain(ctx context.Context, key push.DeviceKey, hasCredential func(push.Provider) bool) (push.Explanation, error)
	DryRun(ctx context.Context, p push.Push) ([]push.Decision, []push.Warning, error)
	Receive(ctx context.Context, d push.Device, receipts []push.Receipt) (statuses []push.ReceiptStatus, open int, err error)
	// Look is a hint that something about the devices has changed.
	Look(keys ...push.DeviceKey)
	// CredentialsChanged releases what the app's previous credentials held up.
	CredentialsChanged(app string, provider push.Provider)
}

// Auth authenticates callers and creates their secrets.
type Auth interface {
	ServerKey(ctx context.Context, bearer string) (push.ServerKey, error)
	UserToken(ctx context.Context, token string) (push.UserClaims, error)
	DeviceByCredential(ctx context.Context, credential string) (push.Device, error)
	MintUserToken(ctx context.Context, app, user string, ttl time.Duration) (token string, expires time.Time, err error)
	// Hold calls end once if the key or app that a stream depends on is deleted, until release is called. end must not block.
	Hold(g push.Ground, end func(why error)) (release func())
	UserTokenMax() time.Duration // the longest lifetime of a user token
	CheckSigningKey(key push.SigningKey) error
	NewServerKey() (id, secret string, hash []byte)
	NewCredential() (secret string, hash []byte)
	WakeKey(device push.DeviceKey, id string) push.WakeKey
	Hash(secret string) []byte
}

// CredentialChecker checks an app's credential for one provider before it is stored. Faults are push.FieldErrors with the field
// names of the body.
type CredentialChecker interface {
	Check(ctx context.Context, credential push.Credential) (push.CredentialInfo, error)
	// Try tests the stored credential against the provider without sending to a device. push.ErrNotFound: the app has none.
	Try(ctx context.Context, app string) (push.CredentialCheck, error)
}

// Sessions ends the sessions of devices. An empty session id means whichever is open.
type Sessions interface {
	Drop(key push.DeviceKey, session string, code int)
	// DropApp ends all sessions of an app.
	DropApp(app string, code int)
}
