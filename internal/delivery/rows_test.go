package delivery

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hushpush/hush/internal/pause"
	"github.com/hushpush/hush/push"
)

// rows are what is due in a memory, for the loops around it.
type rows struct {
	*memory
	claimed  int           // devices
	renewed  [][]string    // devices whose lease was renewed, by call
	audience []string      // devices that a broadcast is still to be made for
	castAt   time.Time     // when the broadcast is due
	pieces   []piece       // what was made of it
	slow     time.Duration // what a piece takes
	making   bool          // of a broadcast, no devices are named, and none are claimed

	expiresAt time.Time                  // when a delivery to a user without a device does
	expired   []time.Time                // when it did
	old       map[string]int             // rows to be removed, by what they are of
	removals  map[string][]time.Duration // how old they had to be, by call
}

// castPiece is how many deliveries of a broadcast are made at once.
const castPiece = 300

// piece is one of a broadcast.
type piece struct {
	made int
	held time.Duration
}

func (r *rows) ClaimDevices(_ context.Context, now time.Time, lease time.Duration, limit int, without ...string) ([]push.DeviceKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var due []push.DeviceKey
	if r.making {
		return nil, nil
	}
	for key, d := range r.devices {
		if !d.DueAt.IsZero() && !d.DueAt.After(now) && !slices.Contains(without, key.App) {
			due = append(due, key)
		}
	}
	slices.SortFunc(due, func(a, b push.DeviceKey) int { return cmp.Compare(a.Device, b.Device) })
	due = due[:min(len(due), limit)]
	for _, key := range due {
		r.setDue(key, now.Add(lease))
	}
	r.claimed += len(due)
	return due, nil
}

func (r *rows) DueOf(_ context.Context, app string, devices []string, now time.Time) (due []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range devices {
		if at := r.devices[push.DeviceKey{App: app, Device: id}].DueAt; !at.IsZero() && !at.After(now) {
			due = append(due, id)
		}
	}
	return due, nil
}

func (r *rows) howManyClaimed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.claimed
}

func (r *rows) Step(ctx context.Context, req push.StepRequest, look func(push.Snapshot) push.Changes) (push.Changes, error) {
	if ctx.Err() != nil {
		return push.Changes{}, ctx.Err()
	}
	return r.memory.Step(ctx, req, look)
}

func (r *rows) Settle(ctx context.Context, s push.Settlement) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return r.memory.Settle(ctx, s)
}

// setDue makes a device due at t. mu is held.
func (r *rows) setDue(key push.DeviceKey, t time.Time) {
	d := r.devices[key]
	d.DueAt = t
	r.devices[key] = d
}

func (r *rows) NextDueDevice(context.Context) (time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var due dueTime
	for _, d := range r.devices {
		due.at(d.DueAt)
	}
	return due.Time, nil
}

func (r *rows) RenewLeases(_ context.Context, keys []push.DeviceKey, until time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for _, key := range keys {
		r.setDue(key, until)
		ids = append(ids, key.Device)
	}
	slices.Sort(ids)
	r.renewed = append(r.renewed, ids)
	return nil
}

func (r *rows) NextDuePush(context.Context) (time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.audience) == 0 {
		return time.Time{}, nil
	}
	return r.castAt, nil
}

func (r *rows) DuePushes(ctx context.Context, now time.Time, _ int) ([]push.PushRef, error) {
	if at, _ := r.NextDuePush(ctx); at.IsZero() || at.After(now) {
		return nil, nil
	}
	return []push.PushRef{{App: "notes", ID: "cast"}}, nil
}

func (r *rows) Expand(ctx context.Context, ref push.PushRef, now time.Time, limit int, lease time.Duration) ([]push.DeviceKey, bool, error) {
	_ = pause.For(ctx, r.slow)
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.audience[:min(len(r.audience), limit, castPiece)]
	r.audience = r.audience[len(next):]
	r.pieces = append(r.pieces, piece{len(next), lease})
	var keys []push.DeviceKey
	for _, id := range next {
		keys = append(keys, r.add(id, ref.ID, now.Add(lease)))
	}
	if r.making {
		for _, key := range keys {
			r.setDue(key, now)
		}
		keys = nil
	}
	return keys, len(r.audience) == 0, nil
}

// add puts a phone in that is due at a time, with a push that waits for it. mu is held.
func (r *rows) add(id string, of push.ID, due time.Time) push.DeviceKey {
	key := push.DeviceKey{App: "notes", Device: id}
	r.addTo(key, of, due)
	return key
}

// addTo adds a push to those that wait for a phone, which is there then. mu is held.
func (r *rows) addTo(key push.DeviceKey, of push.ID, due time.Time) {
	if _, there := r.devices[key]; !there {
		r.devices[key] = push.Device{App: key.App, ID: key.Device, User: "alice", Platform: push.IOS, Token: push.TokenOK, ProviderToken: "00fc",
			OwnerGeneration: 1, TokenGeneration: 1}
	}
	r.setDue(key, due)
	r.deliveries[key] = append(r.deliveries[key], push.Delivery{PushID: of, App: key.App, DeviceID: key.Device, ResourceID: "r", State: push.Waiting,
		Generation: 1, AcceptedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)})
}

// Accept takes pushes for devices, and broadcasts, of which rows are told otherwise.
func (r *rows) Accept(ctx context.Context, pushes []push.AcceptRequest, lease time.Duration, look func(push.Snapshot) push.Changes) []push.AcceptResult {
	results := make([]push.AcceptResult, len(pushes))
	for i, p := range pushes {
		a := &results[i].Accepted
		a.ID = p.Push.ID
		for _, id := range p.Push.To.Devices {
			key := push.DeviceKey{App: p.Push.App, Device: id}
			r.mu.Lock()
			r.addTo(key, p.Push.ID, time.Now().Add(lease))
			fresh := r.devices[key].Wake.State == push.WakeNone
			r.mu.Unlock()
			a.Devices = append(a.Devices, key)
			if look == nil || !fresh {
				continue
			}
			if c, _ := r.memory.Step(ctx, push.StepRequest{Key: key, OpenLimit: 8}, look); c.Device != nil {
				a.Looked = append(a.Looked, key)
			}
		}
	}
	return results
}

func (r *rows) NextUserlessExpiry(context.Context) (time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.expiresAt, nil
}

func (r *rows) ExpireUserless(_ context.Context, now time.Time, _ int) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.expiresAt.IsZero() || r.expiresAt.After(now) {
		return 0, nil
	}
	r.expiresAt, r.expired = time.Time{}, append(r.expired, now)
	return 1, nil
}

// asked removes some of what is old, fewer than it might: what belongs to a push differs in size. It notes how old it is to be.
func (r *rows) asked(what string, before time.Time, limit int) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(r.old[what], limit/5)
	r.old[what] -= n
	r.removals[what] = append(r.removals[what], time.Since(before))
	return n, nil
}

func (r *rows) Remove(_ context.Context, before time.Time, limit int) (int, error) {
	return r.asked("pushes", before, limit)
}

func (r *rows) RemoveDevices(_ context.Context, before time.Time, limit int) (int, error) {
	return r.asked("devices", before, limit)
}

func (r *rows) RemoveUsers(_ context.Context, limit int) (int, error) {
	return r.asked("users", time.Now(), limit)
}

// provider notes when it was asked to wake which device, from the start of its bubble, and answers as it is told to.
type provider struct {
	start  time.Time
	answer func(ctx context.Context, device string) (push.Answer, error) // nil: it takes all at once
	mu     sync.Mutex
	woken  map[string][]time.Duration
}

func (p *provider) Wake(ctx context.Context, d push.Device, w push.Wake) (push.Answer, error) {
	p.mu.Lock()
	p.woken[d.ID] = append(p.woken[d.ID], time.Since(p.start))
	p.mu.Unlock()
	if p.answer == nil {
		return taken(w)
	}
	return p.answer(ctx, d.ID)
}

// times is how often a device was woken.
func (p *provider) times(device string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.woken[device])
}

// want checks when a device was woken.
func (p *provider) want(t *testing.T, device string, want ...time.Duration) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.woken[device], want) {
		t.Errorf("%s is woken after %v, want %v", device, p.woken[device], want)
	}
}

// hangs is an answer that takes so long.
func hangs(d time.Duration) func(context.Context, string) (push.Answer, error) {
	return func(ctx context.Context, _ string) (push.Answer, error) {
		_ = pause.For(ctx, d)
		if ctx.Err() != nil {
			return push.Answer{Provider: push.APNs}, &push.WakeError{Fault: push.FaultProvider, Unclear: true, Err: context.Cause(ctx)}
		}
		return taken(push.Wake{})
	}
}

// engine is one that runs over rows in a bubble.
type engine struct {
	*Engine
	rows     *rows
	sockets  *sockets
	provider *provider
	overflow *counter
	end      context.CancelFunc
	ended    chan struct{} // closed when Run has returned
}

// newEngine makes an engine with so many workers and places in its queue. Nothing is due.
func newEngine(t *testing.T, workers, queue int) *engine {
	t.Helper()
	n := newNode(t, taken)
	e := &engine{
		rows: &rows{memory: n.store, old: map[string]int{}, removals: map[string][]time.Duration{}}, sockets: n.sockets, ended: make(chan struct{}),
		provider: &provider{start: time.Now(), woken: map[string][]time.Duration{}},
	}
	delete(e.rows.devices, n.phone)
	delete(e.rows.deliveries, n.phone)
	m := NewMetrics(nil)
	e.overflow = &counter{}
	m.Overflow = e.overflow
	var err error
	e.Engine, err = New(Config{Store: e.rows, Sessions: n.sockets, Wakers: map[push.Provider]Waker{push.APNs: e.provider}, Keys: noKeys{},
		Workers: workers, Queue: queue, Metrics: m})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// phone adds a phone that is due at a time, counted from now.
func (e *engine) phone(id string, in time.Duration) push.DeviceKey {
	e.rows.mu.Lock()
	defer e.rows.mu.Unlock()
	return e.rows.add(id, push.NewID(), time.Now().Add(in))
}

// phones adds phones that are due now.
func (e *engine) phones(n int) (keys []push.DeviceKey) {
	for i := range n {
		keys = append(keys, e.phone(fmt.Sprint("phone", i), 0))
	}
	return keys
}

// run begins, until stop.
func (e *engine) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e.end = cancel
	go func() {
		defer close(e.ended)
		e.Run(ctx)
	}()
	synctest.Wait()
}

func (e *engine) stop() { e.end(); <-e.ended }

// delivery is how the push stands on a phone.
func (e *engine) delivery(key push.DeviceKey) push.Delivery {
	e.rows.mu.Lock()
	defer e.rows.mu.Unlock()
	return e.rows.deliveries[key][0]
}

func (e *engine) device(key push.DeviceKey) push.Device {
	e.rows.mu.Lock()
	defer e.rows.mu.Unlock()
	return e.rows.devices[key]
}

// counter is one that a test reads.
type counter struct {
	prometheus.Counter
	n atomic.Int64
}

func (c *counter) Inc() { c.n.Add(1) }

// wantOverflow checks how many devices found no room in memory.
func (e *engine) wantOverflow(t *testing.T, want int64) {
	t.Helper()
	if got := e.overflow.n.Load(); got != want {
		t.Errorf("%d devices are counted that found no room, want %d", got, want)
	}
}
