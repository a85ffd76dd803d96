package api_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// memory is a store and a delivery in memory, enough for the API's own behaviour. The tests on the real store cover the rest.
type memory struct {
	mu          sync.Mutex
	apps        map[string]push.App
	keys        map[string]storedKey // by app and key id
	signing     map[string]push.SigningKey
	credentials map[string]push.CredentialInfo
	resources   map[string]push.Resource
	tags        map[string][]string
	devices     map[push.DeviceKey]push.Device
	pushes      map[push.ID]push.Push
	deliveries  map[push.ID][]push.Delivery
	idempotent  map[string]idempotent
	pagesRead   int                // of deliveries
	touched     []push.DeliveryKey // deliveries of the one push that is being watched
	watchers    map[push.ID][]chan struct{}
	looked      []push.DeviceKey
	renewed     []string
	fail        error // returned by every method while set
}

type storedKey struct {
	push.ServerKey
	hash []byte
}

type idempotent struct {
	hash, answer []byte
	accepted     push.Accepted
}

func newMemory() *memory {
	return &memory{
		apps: map[string]push.App{}, keys: map[string]storedKey{}, signing: map[string]push.SigningKey{},
		credentials: map[string]push.CredentialInfo{}, resources: map[string]push.Resource{}, tags: map[string][]string{},
		devices: map[push.DeviceKey]push.Device{}, pushes: map[push.ID]push.Push{}, deliveries: map[push.ID][]push.Delivery{},
		idempotent: map[string]idempotent{}, watchers: map[push.ID][]chan struct{}{},
	}
}

func (m *memory) lock() func() { m.mu.Lock(); return m.mu.Unlock }

// pageOf returns a page of those entries of a map whose keys begin with a prefix, in the order of the keys.
func pageOf[T any](from map[string]T, prefix, cursor string, limit int) (list []T, next string) {
	defer func() { next = hex.EncodeToString([]byte(next)) }()
	b, _ := hex.DecodeString(cursor)
	cursor = string(b)
	for _, k := range slices.Sorted(maps.Keys(from)) {
		name, ok := bytes.CutPrefix([]byte(k), []byte(prefix))
		if !ok || cursor != "" && string(name) <= cursor {
			continue
		}
		if len(list) == limit {
			return list, next
		}
		list, next = append(list, from[k]), string(name)
	}
	return list, ""
}

func found[T any](v T, ok bool) (T, error) {
	if !ok {
		return v, push.ErrNotFound
	}
	return v, nil
}

func remove[T any](from map[string]T, key string) error {
	if _, ok := from[key]; !ok {
		return push.ErrNotFound
	}
	delete(from, key)
	return nil
}

func put[T any](in map[string]T, key string, v T) (created bool) {
	_, had := in[key]
	in[key] = v
	return !had
}

func (m *memory) PutApp(_ context.Context, name string) (push.App, bool, error) {
	defer m.lock()()
	if app, ok := m.apps[name]; ok {
		return app, false, m.fail
	}
	m.apps[name] = push.App{Name: name, CreatedAt: time.Now()}
	return m.apps[name], true, m.fail
}

func (m *memory) App(_ context.Context, name string) (push.App, error) {
	defer m.lock()()
	if m.fail != nil {
		return push.App{}, m.fail
	}
	app, ok := m.apps[name]
	return found(app, ok)
}

func (m *memory) Apps(_ context.Context, cursor string, limit int) ([]push.App, string, error) {
	defer m.lock()()
	list, next := pageOf(m.apps, "", cursor, limit)
	return list, next, m.fail
}

func (m *memory) DeleteApp(_ context.Context, name string) error {
	defer m.lock()()
	return remove(m.apps, name)
}

func (m *memory) CreateServerKey(_ context.Context, k push.ServerKey, hash []byte) error {
	defer m.lock()()
	m.keys[k.App+"/"+k.ID] = storedKey{k, hash}
	return m.fail
}

func (m *memory) ServerKeyByHash(_ context.Context, hash []byte) (push.ServerKey, error) {
	defer m.lock()()
	for _, k := range m.keys {
		if bytes.Equal(k.hash, hash) {
			return k.ServerKey, nil
		}
	}
	return push.ServerKey{}, cmp.Or(m.fail, push.ErrNotFound)
}

func (m *memory) ServerKey(_ context.Context, app, id string) (push.ServerKey, error) {
	defer m.lock()()
	k, ok := m.keys[app+"/"+id]
	return found(k.ServerKey, ok)
}

func (m *memory) ServerKeys(_ context.Context, app, cursor string, limit int) ([]push.ServerKey, string, error) {
	defer m.lock()()
	stored, next := pageOf(m.keys, app+"/", cursor, limit)
	list := make([]push.ServerKey, len(stored))
	for i, k := range stored {
		list[i] = k.ServerKey
	}
	return list, next, m.fail
}

func (m *memory) DeleteServerKey(_ context.Context, app, id string) error {
	defer m.lock()()
	return remove(m.keys, app+"/"+id)
}

func (m *memory) PutSigningKey(_ context.Context, k push.SigningKey) (bool, error) {
	defer m.lock()()
	return put(m.signing, k.App+"/"+k.KID, k), m.fail
}

func (m *memory) SigningKey(_ context.Context, app, kid string) (push.SigningKey, error) {
	defer m.lock()()
	k, ok := m.signing[app+"/"+kid]
	return found(k, ok)
}

func (m *memory) SigningKeys(_ context.Context, app, cursor string, limit int) ([]push.SigningKey, string, error) {
	defer m.lock()()
	list, next := pageOf(m.signing, app+"/", cursor, limit)
	return list, next, m.fail
}

func (m *memory) RotateRootKey(_ context.Context, keep time.Duration) (push.Secret, string, time.Time, error) {
	return "hush_root_SECRET", "root-1", time.Now().Add(keep), nil
}

func (m *memory) RotateSecretKey() error { return nil }

func (m *memory) SecretKey(context.Context) (string, []string, error) {
	return "k2", []string{"k1"}, nil
}

func (m *memory) KeysUsed(context.Context, []push.KeyUse) error { return nil }

func (m *memory) SigningKeysFrom(_ context.Context, app, prefix string) ([]push.SigningKey, error) {
	defer m.lock()()
	list, _ := pageOf(m.signing, app+"/"+prefix, "", 1000)
	return list, m.fail
}

func (m *memory) DeleteSigningKey(_ context.Context, app, kid string) error {
	defer m.lock()()
	return remove(m.signing, app+"/"+kid)
}

func (m *memory) PutCredential(_ context.Context, app string, info push.CredentialInfo, _ push.Credential) (bool, error) {
	defer m.lock()()
	return put(m.credentials, app+"/"+string(info.Provider), info), m.fail
}

func (m *memory) Credentials(_ context.Context, app string) ([]push.CredentialInfo, error) {
	defer m.lock()()
	list, _ := pageOf(m.credentials, app+"/", "", 10)
	return list, m.fail
}

func (m *memory) DeleteCredential(_ context.Context, app string, p push.Provider) error {
	defer m.lock()()
	return remove(m.credentials, app+"/"+string(p))
}

func (m *memory) PutResource(_ context.Context, r push.Resource) (bool, error) {
	defer m.lock()()
	return put(m.resources, r.App+"/"+r.ID, r), m.fail
}

func (m *memory) Resource(_ context.Context, app, id string) (push.Resource, error) {
	defer m.lock()()
	r, ok := m.resources[app+"/"+id]
	return found(r, ok)
}

func (m *memory) Resources(_ context.Context, app, cursor string, limit int) ([]push.Resource, string, error) {
	defer m.lock()()
	list, next := pageOf(m.resources, app+"/", cursor, limit)
	return list, next, m.fail
}

func (m *memory) DeleteResource(_ context.Context, app, id string) error {
	defer m.lock()()
	return remove(m.resources, app+"/"+id)
}

func (m *memory) PutTags(_ context.Context, app, user string, tags []string) error {
	defer m.lock()()
	m.tags[app+"/"+user] = tags
	return m.fail
}

func (m *memory) Register(_ context.Context, r push.Registration, app string, c push.Caller, credential, newCredential []byte) (push.Registered, []push.DeviceKey, error) {
	defer m.lock()()
	key := push.DeviceKey{App: app, Device: r.DeviceID}
	was := m.devices[key]
	c.Credential = len(was.CredentialHash) > 0 && bytes.Equal(was.CredentialHash, credential)
	out, err := push.Register(time.Now(), was, app, r, c)
	if err != nil {
		return push.Registered{}, nil, err
	}
	if out.NewCredential {
		out.Device.CredentialHash = newCredential
	}
	m.devices[key] = out.Device
	out.Device.DueAt = time.Now() // as if something were open on it
	return out, nil, m.fail
}

func (m *memory) RegisterMany(ctx context.Context, app string, devices []push.ImportedDevice) []push.RegisterResult {
	results := make([]push.RegisterResult, len(devices))
	for i, d := range devices {
		results[i].Registered, results[i].Moved, results[i].Err = m.Register(ctx, d.Registration, app, d.Caller(), nil, nil)
	}
	return results
}

// WakeKeyOwner knows only the newest key of each device.
func (m *memory) WakeKeyOwner(_ context.Context, id string) (push.WakeKeyOwner, error) {
	defer m.lock()()
	for _, d := range m.devices {
		if d.Registered() && d.WakeKeyID == id {
			return push.WakeKeyOwner{DeviceKey: d.Key(), OwnerGeneration: d.OwnerGeneration}, m.fail
		}
	}
	return push.WakeKeyOwner{}, push.ErrNotFound
}

func (m *memory) DropToken(_ context.Context, from push.WakeKeyOwner, madeAt time.Time) (bool, error) {
	defer m.lock()()
	d := m.devices[from.DeviceKey]
	if !d.LosesToken(from.OwnerGeneration, madeAt) {
		return false, m.fail
	}
	d.ProviderToken, d.Token = "", push.TokenMissing
	m.devices[from.DeviceKey] = d
	return true, m.fail
}

func (m *memory) DeviceByCredential(_ context.Context, hash []byte) (push.Device, error) {
	defer m.lock()()
	for _, d := range m.devices {
		if len(hash) > 0 && bytes.Equal(d.CredentialHash, hash) {
			return d, nil
		}
	}
	return push.Device{}, cmp.Or(m.fail, push.ErrNotFound)
}

func (m *memory) Heard(context.Context, push.DeviceKey, time.Time) error { return nil }

func (m *memory) Device(_ context.Context, key push.DeviceKey) (push.Device, error) {
	defer m.lock()()
	d, ok := m.devices[key]
	return found(d, ok && d.Registered())
}

func (m *memory) DevicesOf(_ context.Context, app, user, cursor string, limit int) ([]push.Device, string, error) {
	defer m.lock()()
	byID := map[string]push.Device{}
	for key, d := range m.devices {
		if key.App == app && d.User == user {
			byID[key.Device] = d
		}
	}
	list, next := pageOf(byID, "", cursor, limit)
	return list, next, m.fail
}

func (m *memory) Unregister(_ context.Context, key push.DeviceKey) error {
	defer m.lock()()
	d, ok := m.devices[key]
	if !ok || !d.Registered() {
		return push.ErrNotFound
	}
	d.User, d.CredentialHash = "", nil
	m.devices[key] = d
	return nil
}

func (m *memory) MissingDevices(_ context.Context, app string, ids []string) ([]string, error) {
	defer m.lock()()
	var out []string
	for _, id := range ids {
		if d := m.devices[push.DeviceKey{App: app, Device: id}]; !d.Registered() {
			out = append(out, id)
		}
	}
	return out, m.fail
}

func (m *memory) Inbox(_ context.Context, key push.DeviceKey, limit int) ([]push.Delivery, int, error) {
	defer m.lock()()
	var open []push.Delivery
	for _, list := range m.deliveries {
		for _, d := range list {
			if d.App == key.App && d.DeviceID == key.Device && !d.State.Final() {
				open = append(open, d)
			}
		}
	}
	slices.SortFunc(open, func(a, b push.Delivery) int { return cmp.Compare(a.PushID, b.PushID) })
	return open[:min(limit, len(open))], len(open), m.fail
}

func (m *memory) Push(_ context.Context, app string, id push.ID) (push.Push, push.Standing, error) {
	defer m.lock()()
	p, ok := m.pushes[id]
	if !ok || p.App != app {
		return push.Push{}, push.Standing{}, push.ErrNotFound
	}
	s := push.Standing{Final: true, Expanded: true, ExpiresAt: p.AcceptedAt.Add(time.Hour)}
	for _, d := range m.deliveries[id] {
		s.Final = s.Final && d.State.Final()
	}
	return p, s, m.fail
}

func (m *memory) Budgets(context.Context, []push.DeviceKey) (map[push.DeviceKey]push.BudgetWait, error) {
	return nil, m.fail
}

func (m *memory) Explain(ctx context.Context, key push.DeviceKey, _ func(push.Provider) bool) (push.Explanation, error) {
	d, err := m.Device(ctx, key)
	return push.Explanation{Device: d}, err
}

// Pushes supports only the filter's resource.
func (m *memory) Pushes(_ context.Context, app string, f push.PushFilter, cursor string, limit int) ([]push.Listed, string, error) {
	defer m.lock()()
	var list []push.Listed
	for id, p := range m.pushes {
		if p.App != app || f.Resource != "" && p.ResourceID != f.Resource || cursor != "" && string(id) >= cursor {
			continue
		}
		list = append(list, push.Listed{ID: id, ResourceID: p.ResourceID, AcceptedAt: p.AcceptedAt, Counts: map[push.State]int{}})
	}
	slices.SortFunc(list, func(a, b push.Listed) int { return strings.Compare(string(b.ID), string(a.ID)) })
	if len(list) <= limit {
		return list, "", m.fail
	}
	return list[:limit], string(list[limit-1].ID), m.fail
}

func (m *memory) Counts(_ context.Context, _ string, id push.ID) (map[push.State]int, error) {
	defer m.lock()()
	counts := map[push.State]int{}
	for _, d := range m.deliveries[id] {
		counts[d.State]++
	}
	return counts, m.fail
}

func (m *memory) Deliveries(_ context.Context, _ string, id push.ID, cursor string, limit int) ([]push.Delivery, string, error) {
	defer m.lock()()
	m.pagesRead++
	from, _ := strconv.Atoi(strings.TrimLeft(cursor, "0"))
	all := m.deliveries[id]
	to := min(from+limit, len(all))
	next := ""
	if to < len(all) {
		next = fmt.Sprintf("%08d", to)
	}
	return slices.Clone(all[from:to]), next, m.fail
}

func (m *memory) Cancel(_ context.Context, app string, id push.ID) (int, []push.Delivery, error) {
	defer m.lock()()
	if p, ok := m.pushes[id]; !ok || p.App != app {
		return 0, nil, push.ErrNotFound
	}
	var final []push.Delivery
	n := 0
	for i, d := range m.deliveries[id] {
		if d.State.Final() {
			final = append(final, d)
			continue
		}
		m.deliveries[id][i] = d.To(time.Now(), push.Cancelled, "").Delivery
		n++
	}
	return n, final, m.fail
}

func (m *memory) Idempotent(_ context.Context, app, key string) ([]byte, []byte, error) {
	defer m.lock()()
	i, ok := m.idempotent[app+"/"+key]
	if !ok {
		return nil, nil, push.ErrNotFound
	}
	return i.hash, i.answer, m.fail
}

func (m *memory) PutIdempotent(_ context.Context, app, key string, hash, answer []byte) error {
	defer m.lock()()
	m.idempotent[app+"/"+key] = idempotent{hash: hash, answer: answer}
	return m.fail
}

func (m *memory) Watch(id push.ID) push.Watch {
	defer m.lock()()
	c := make(chan struct{}, 1)
	m.watchers[id] = append(m.watchers[id], c)
	take := func() ([]push.DeliveryKey, bool) {
		defer m.lock()()
		keys := m.touched
		m.touched = nil
		return keys, false
	}
	return push.Watch{Changed: c, Next: take, Stop: func() {}, Elsewhere: true}
}

func (m *memory) WatchApp(string) push.AppWatch {
	return push.AppWatch{Next: func() ([]push.AppEvent, int) { return nil, 0 }, Stop: func() {}}
}

func (m *memory) ResourcesOf(context.Context, string, []push.ID) (map[push.ID]string, error) {
	return nil, m.fail
}

func (m *memory) Final(ctx context.Context, app string, id push.ID) (bool, error) {
	_, standing, err := m.Push(ctx, app, id)
	return standing.Final, err
}

func (m *memory) DeliveriesOf(_ context.Context, _ string, id push.ID, keys []push.DeliveryKey) (list []push.Delivery, err error) {
	defer m.lock()()
	for _, d := range m.deliveries[id] {
		if slices.Contains(keys, push.DeliveryKey{Device: d.DeviceID, User: d.User}) {
			list = append(list, d)
		}
	}
	return list, m.fail
}

// set changes a delivery and signals the watchers of its push.
func (m *memory) set(id push.ID, i int, state push.State) {
	defer m.lock()()
	c := m.deliveries[id][i].To(time.Now(), state, "")
	c.Delivery.Events = append(c.Delivery.Events, c.Events...)
	m.deliveries[id][i] = c.Delivery
	m.touched = append(m.touched, push.DeliveryKey{Device: c.Delivery.DeviceID, User: c.Delivery.User})
	for _, w := range m.watchers[id] {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// The methods below are delivery's part.

func (m *memory) Accept(_ context.Context, p push.Push, key *push.Idempotency) (push.Accepted, error) {
	defer m.lock()()
	if m.fail != nil {
		return push.Accepted{}, m.fail
	}
	if key != nil {
		if i, ok := m.idempotent[p.App+"/"+key.Key]; ok {
			if !bytes.Equal(i.hash, key.BodyHash) {
				return push.Accepted{}, push.ErrConflict
			}
			i.accepted.Repeated = true
			return i.accepted, nil
		}
	}
	out := push.Accepted{ID: p.ID}
	add := func(d push.Device, user string) {
		m.deliveries[p.ID] = append(m.deliveries[p.ID], push.Delivery{
			PushID: p.ID, App: p.App, DeviceID: d.ID, User: user, ResourceID: p.ResourceID, State: push.Waiting, Payload: p.Payload,
			AcceptedAt: p.AcceptedAt, Events: []push.Event{{At: p.AcceptedAt, Event: "waiting"}},
		})
	}
	for _, user := range p.To.Users {
		has := false
		for key, d := range m.devices {
			if key.App == p.App && d.User == user {
				add(d, user)
				has = true
			}
		}
		if !has {
			add(push.Device{}, user)
			out.Warnings = append(out.Warnings, push.Warning{Code: push.UserNotSeen, User: user})
		}
	}
	for _, id := range p.To.Devices {
		d := m.devices[push.DeviceKey{App: p.App, Device: id}]
		add(d, d.User)
	}
	out.Deliveries = len(m.deliveries[p.ID])
	m.pushes[p.ID] = p
	if key != nil {
		m.idempotent[p.App+"/"+key.Key] = idempotent{hash: key.BodyHash, accepted: out}
	}
	return out, nil
}

func (m *memory) AcceptBatch(ctx context.Context, pushes []push.Push) []push.AcceptResult {
	out := make([]push.AcceptResult, len(pushes))
	for i, p := range pushes {
		out[i].Accepted, out[i].Err = m.Accept(ctx, p, nil)
	}
	return out
}

func (m *memory) DryRun(_ context.Context, p push.Push) ([]push.Decision, []push.Warning, error) {
	var out []push.Decision
	for range p.To.Users {
		out = append(out, push.Decision{Do: push.DoWait, Reason: push.ReasonNoDevice})
	}
	return out, nil, nil
}

func (m *memory) Receive(_ context.Context, d push.Device, receipts []push.Receipt) ([]push.ReceiptStatus, int, error) {
	defer m.lock()()
	out := make([]push.ReceiptStatus, len(receipts))
	open := 0
	for i, r := range receipts {
		out[i] = push.ReceiptGone
		for j, have := range m.deliveries[r.PushID] {
			if have.DeviceID == d.ID && have.App == d.App {
				out[i] = push.ReceiptAccepted
				m.deliveries[r.PushID][j] = have.Receive(time.Now(), d.Platform, r).Delivery
			}
		}
	}
	for _, list := range m.deliveries {
		for _, have := range list {
			if have.DeviceID == d.ID && !have.State.Final() {
				open++
			}
		}
	}
	return out, open, m.fail
}

func (m *memory) Look(keys ...push.DeviceKey) {
	defer m.lock()()
	m.looked = append(m.looked, keys...)
}

func (m *memory) CredentialsChanged(app string, p push.Provider) {
	defer m.lock()()
	m.renewed = append(m.renewed, app+"/"+string(p))
}

// Status returns only what the tests of authorization need; server tests cover the rest.
func (m *memory) Status(context.Context, string, int) (protocol.ServerStatus, error) {
	return protocol.ServerStatus{Standing: "ok"}, nil
}
