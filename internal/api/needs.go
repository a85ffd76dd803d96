package api

import (
	"context"
	"time"

	"github.com/hushpush/hush/push"
)

// Store is what api asks of the store. What is not there is push.ErrNotFound; what cannot be because of what is there is
// push.ErrConflict. Lists are paged: a cursor is the store's own, "" for the first page and after the last.
type Store interface {
	appStore
	keyStore
	policyStore
	userStore
	pushStore
}

type appStore interface {
	PutApp(ctx context.Context, name string) (app push.App, created bool, err error)
	App(ctx context.Context, name string) (push.App, error)
	Apps(ctx context.Context, cursor string, limit int) (apps []push.App, next string, err error)
	DeleteApp(ctx context.Context, name string) error
}

type keyStore interface {
	CreateServerKey(ctx context.Context, key push.ServerKey, hash []byte) error
	ServerKeys(ctx context.Context, app, cursor string, limit int) (keys []push.ServerKey, next string, err error)
	DeleteServerKey(ctx context.Context, app, id string) error
	PutSigningKey(ctx context.Context, key push.SigningKey) (created bool, err error)
	SigningKey(ctx context.Context, app, kid string) (push.SigningKey, error)
	SigningKeys(ctx context.Context, app, cursor string, limit int) (keys []push.SigningKey, next string, err error)
	DeleteSigningKey(ctx context.Context, app, kid string) error
}

type policyStore interface {
	PutCredential(ctx context.Context, app string, info push.CredentialInfo, credential push.Credential) (created bool, err error)
	Credentials(ctx context.Context, app string) ([]push.CredentialInfo, error)
	DeleteCredential(ctx context.Context, app string, provider push.Provider) error
	PutResource(ctx context.Context, resource push.Resource) (created bool, err error)
	Resource(ctx context.Context, app, id string) (push.Resource, error)
	Resources(ctx context.Context, app, cursor string, limit int) (resources []push.Resource, next string, err error)
	DeleteResource(ctx context.Context, app, id string) error
}

type userStore interface {
	PutTags(ctx context.Context, app, user string, tags []string) error
	Register(ctx context.Context, r push.Registration, app string, caller push.Caller, credentialHash, newCredentialHash []byte) (registered push.Registered, moved []push.DeviceKey, err error)
	// RegisterMany registers devices of an import, as Register would one after the other, with one outcome for each.
	RegisterMany(ctx context.Context, app string, devices []push.ImportedDevice) []push.RegisterResult
	Device(ctx context.Context, key push.DeviceKey) (push.Device, error)
	DevicesOf(ctx context.Context, app, user, cursor string, limit int) (devices []push.Device, next string, err error)
	WakeKeyOwner(ctx context.Context, id string) (push.WakeKeyOwner, error)
	TakeToken(ctx context.Context, from push.WakeKeyOwner, madeAt time.Time) (taken bool, err error)
	Unregister(ctx context.Context, key push.DeviceKey) error
	MissingDevices(ctx context.Context, app string, ids []string) ([]string, error)
	Inbox(ctx context.Context, key push.DeviceKey, limit int) (deliveries []push.Delivery, open int, err error)
}

type pushStore interface {
	Push(ctx context.Context, app string, id push.ID) (push.Push, push.Standing, error)
	// Pushes is a page of those that the filter takes, newest first. A search that has cost enough ends the page early.
	Pushes(ctx context.Context, app string, filter push.PushFilter, cursor string, limit int) (pushes []push.Listed, next string, err error)
	Deliveries(ctx context.Context, app string, id push.ID, cursor string, limit int) (deliveries []push.Delivery, next string, err error)
	Counts(ctx context.Context, app string, id push.ID) (map[push.State]int, error)
	Cancel(ctx context.Context, app string, id push.ID) (cancelled int, final []push.Delivery, err error)
	Idempotent(ctx context.Context, app, key string) (hash, answer []byte, err error)
	PutIdempotent(ctx context.Context, app, key string, hash, answer []byte) error
	Final(ctx context.Context, app string, id push.ID) (bool, error)
	DeliveriesOf(ctx context.Context, app string, id push.ID, keys []push.DeliveryKey) ([]push.Delivery, error)
	Watch(id push.ID) push.Watch
	WatchApp(app string) push.AppWatch
	ResourcesOf(ctx context.Context, app string, pushes []push.ID) (map[push.ID]string, error)
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

// Auth tells who asks, and makes their secrets.
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
