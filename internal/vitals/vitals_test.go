package vitals_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/internal/logged"
	"github.com/hushpush/hush/internal/vitals"
	"github.com/hushpush/hush/push"
)

// rooms are those that vitals asks, as a test wants them.
type rooms struct {
	mu      sync.Mutex
	backlog push.Backlog
	err     error
	apps    []string
	ticks   int
	hangs   bool // the database does
	trouble map[string]push.ProviderStanding
	asked   int // for the backlog
	hand    [3]int
}

func (r *rooms) Backlog(ctx context.Context, _ time.Time, atMost int) (push.Backlog, error) {
	if err := r.wait(ctx); err != nil {
		return push.Backlog{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	b := r.backlog
	b.Due = min(b.Due, atMost)
	return b, r.err
}

// wait waits as long as a database that hangs is waited for.
func (r *rooms) wait(ctx context.Context) error {
	r.mu.Lock()
	hangs := r.hangs
	r.mu.Unlock()
	if !hangs {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (r *rooms) Apps(ctx context.Context, cursor string, limit int) (apps []push.App, next string, err error) {
	if err := r.wait(ctx); err != nil {
		return nil, "", err
	}
	for _, name := range r.apps {
		if name <= cursor {
			continue
		}
		if len(apps) == limit {
			return apps, apps[limit-1].Name, r.err
		}
		apps = append(apps, push.App{Name: name})
	}
	return apps, "", r.err
}

func (r *rooms) Credentials(context.Context, string) ([]push.CredentialInfo, error) {
	return []push.CredentialInfo{{Provider: push.FCM}}, r.err
}

func (r *rooms) Waiting() (int, time.Time) { waiting, _, _ := r.InHand(); return waiting, time.Time{} }
func (r *rooms) Count() int                { return 3 }

func (r *rooms) InHand() (waiting, working, free int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hand[0], r.hand[1], r.hand[2]
}

func (r *rooms) Tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ticks++
}

func (r *rooms) Standing(app string) push.ProviderStanding {
	if s, ok := r.trouble[app]; ok {
		return s
	}
	return push.ProviderStanding{State: push.ProviderUntried}
}

func (r *rooms) InTrouble() []string                 { return slices.Sorted(maps.Keys(r.trouble)) }
func (r *rooms) Lasting() map[push.ProviderState]int { return nil }

func (r *rooms) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// log keeps lines.
type log struct{ logged.Buffer }

// lines returns what was logged, except the last summary: each message with the attributes that are asked for.
func (l *log) lines(t *testing.T, attrs ...string) []string {
	t.Helper()
	var got []string
	for line := range strings.Lines(l.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint(m["msg"])
		for _, a := range attrs {
			if v, ok := m[a]; ok {
				text += fmt.Sprintf(" %s=%v", a, v)
			}
		}
		got = append(got, text)
	}
	return got
}

type world struct {
	*vitals.Vitals
	*rooms
	log *log
	end func()
}

// setup starts vitals; it is called in a bubble.
func setup(t *testing.T) *world {
	t.Helper()
	return setupLimited(t, 0)
}

// setupLimited does what setup does, with a limit of the backlog.
func setupLimited(t *testing.T, limit int) *world {
	t.Helper()
	w := &world{rooms: &rooms{trouble: map[string]push.ProviderStanding{}}, log: &log{}}
	w.Vitals = vitals.New(vitals.Config{Version: "1.2.3", Logger: slog.New(slog.NewJSONHandler(w.log, nil)), BacklogLimit: limit})
	w.Attach(vitals.Parts{Store: w.rooms, Engine: "sqlite", EngineVersion: "3.50", Node: "node-1", Queue: w.rooms, Sessions: w.rooms,
		Providers: map[push.Provider]vitals.Provider{push.APNs: w.rooms}})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	w.end = sync.OnceFunc(func() { stop(); <-done })
	t.Cleanup(w.end)
	return w
}

func (w *world) is(t *testing.T, attrs []string, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := w.log.lines(t, attrs...); !slices.Equal(got, want) {
		t.Errorf("the log:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestABacklogIsToldWhileItIsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t)
		w.set(func() { w.backlog = push.Backlog{Due: 500, OldestDue: time.Now()} })
		time.Sleep(25 * time.Second)
		w.is(t, nil)
		time.Sleep(75 * time.Second)
		w.set(func() { w.backlog.Due = 900 })
		time.Sleep(60 * time.Second)
		status, err := w.Status(t.Context(), "", 10)
		if err != nil || status.Standing != "trouble" || !status.Backlog.Late || status.Backlog.Due != 900 || status.Backlog.Oldest != "2m40s" {
			t.Errorf("the status while it is late: %v %+v, %v", status.Standing, status.Backlog, err)
		}
		w.set(func() { w.backlog = push.Backlog{} })
		time.Sleep(8 * time.Second)
		w.is(t, []string{"due", "most"}, "the backlog grows due=500", "the backlog is still there due=500 most=500",
			"the backlog is still there due=900 most=900", "the backlog is worked off most=900")
	})
}

func TestSlowCommitsAreToldOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t)
		commit := func(took time.Duration) {
			w.Committing(0)
			time.Sleep(took)
			w.Committed(0, took, took/2, false)
		}
		commit(249 * time.Millisecond)
		time.Sleep(5 * time.Second)
		w.is(t, nil)
		for range 100 {
			commit(600 * time.Millisecond)
			commit(400 * time.Millisecond)
		}
		status, err := w.Status(t.Context(), "", 10)
		c := status.Commits
		if err != nil || !c.Slow || c.Count != 201 || c.Slowest != "600ms" || c.Last != "400ms" || c.LastAt == nil || status.Standing != "trouble" {
			t.Errorf("the status: %+v, %v; want slow, 201 commits, the slowest 600ms", c, err)
		}
		time.Sleep(3 * time.Minute)
		w.is(t, []string{"worst", "flush", "slow"},
			"commits are slow worst=600ms flush=300ms slow=1", "commits are still slow worst=600ms flush=300ms slow=121",
			"commits are still slow worst=600ms flush=300ms slow=200", "commits are fast again slow=200")
	})
}

func TestACommitThatHangsIsToldWhileItDoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t)
		w.Committing(0)
		time.Sleep(90 * time.Second)
		status, err := w.Status(t.Context(), "", 10)
		if err != nil || status.Commits.Hangs != "1m30s" || !status.Commits.Slow {
			t.Errorf("the status: %+v, %v; want that one hangs", status.Commits, err)
		}
		w.is(t, []string{"slow", "hangs"}, "commits are slow slow=1 hangs=1s")
		w.Committed(0, 90*time.Second, 0, true)
		time.Sleep(3 * time.Minute)
		w.is(t, []string{"slow"}, "commits are slow slow=1", "commits are fast again slow=1")
	})
}

func TestADatabaseThatDoesNotAnswerIsToldAndTheStatusGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t)
		w.trouble["notes"] = push.ProviderStanding{State: push.ProviderRefused}
		w.set(func() { w.err = errors.New("connection refused") })
		time.Sleep(70 * time.Second)
		status, err := w.Status(t.Context(), "", 10)
		if err != nil || status.Database.Reachable || status.Database.Error != "connection refused" || len(status.Apps) != 1 {
			t.Errorf("the status: %+v, %v; want that the database is away, and the app in trouble", status, err)
		}
		w.set(func() { w.err = nil })
		time.Sleep(8 * time.Second)
		w.is(t, []string{"error"}, "the database does not answer error=connection refused", "the database still does not answer error=connection refused",
			"the database answers again")
	})
}

// Whoever asks is mostly first to see it: the store is looked at every few seconds only.
func TestTheStatusAnswersFromTheMomentThatTheDatabaseDoesNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fail func(*rooms)
		want string
	}{
		"away":  {func(r *rooms) { r.err = errors.New("connection refused") }, "connection refused"},
		"hangs": {func(r *rooms) { r.hangs = true }, "the database did not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t)
				w.trouble["notes"] = push.ProviderStanding{State: push.ProviderRefused}
				time.Sleep(6 * time.Second)
				w.set(func() { c.fail(w.rooms) })
				asked := time.Now()
				status, err := w.Status(t.Context(), "", 10)
				if err != nil || status.Database.Reachable || !strings.HasSuffix(status.Database.Error, c.want) || status.Standing != "trouble" || len(status.Apps) != 1 {
					t.Errorf("the status: %+v, %v; want that the database is away (%s), and the app in trouble", status, err, c.want)
				}
				if waited := time.Since(asked); waited > 5*time.Second {
					t.Errorf("it took %s, want 5s at most", waited)
				}
				w.end()
			})
		})
	}
}

func TestWhoDoesNotWaitForTheStatusSaysNothingOfTheDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t)
		synctest.Wait()
		w.set(func() { w.hangs = true })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.Status(ctx, "", 10); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the status: %v, want that the caller has gone", err)
		}
		w.set(func() { w.hangs = false })
		if status, err := w.Status(t.Context(), "", 10); err != nil || !status.Database.Reachable {
			t.Errorf("afterwards: %+v, %v; want the database reachable", status.Database, err)
		}
	})
}

func TestAWrongCursorSaysNothingOfTheDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t)
		synctest.Wait()
		w.set(func() { w.err = push.FieldErrors{{Location: "query.cursor"}} })
		var wrong push.FieldErrors
		if _, err := w.Status(t.Context(), "", 10); !errors.As(err, &wrong) {
			t.Errorf("the status: %v, want what is wrong with the cursor", err)
		}
		w.set(func() { w.err = nil })
		if status, err := w.Status(t.Context(), "", 10); err != nil || !status.Database.Reachable {
			t.Errorf("afterwards: %+v, %v; want the database reachable", status.Database, err)
		}
	})
}

func TestDroppedTokensAreSummedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t)
		w.TokenDropped("notes", push.APNs, "Unregistered")
		time.Sleep(2 * time.Second)
		for i := range 1_000 {
			w.TokenDropped(fmt.Sprint("app-", i%3), push.APNs, "Unregistered")
			w.TokenDropped("app-0", push.APNs, "BadDeviceToken")
		}
		time.Sleep(3 * time.Minute)
		w.is(t, []string{"tokens", "apps", "most", "of_most", "reasons"},
			"provider tokens dropped tokens=1 apps=1 most=notes of_most=1 reasons=map[Unregistered:1]",
			"provider tokens dropped tokens=2000 apps=3 most=app-0 of_most=1334 reasons=map[BadDeviceToken:1000 Unregistered:1000]")
	})
}

func TestEachHourHasALineAlsoWhenNothingHappens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t)
		w.Accepted()
		w.Final(push.Handled, push.ReasonNone, 2)
		w.Final(push.Expired, push.ReasonNone, 1)
		w.Woke(push.APNs, "")
		w.Woke(push.APNs, push.FaultToken)
		time.Sleep(2*time.Hour + time.Minute)
		w.end()
		w.is(t, []string{"for", "pushes", "deliveries", "wakes", "wakes_by", "sessions", "uptime", "version"},
			"summary for=1h0m0s pushes=1 deliveries=map[expired:1 handled:2] wakes=2 wakes_by=map[apns_taken:1 apns_token:1] sessions=3 uptime=1h0m0s version=1.2.3",
			"summary for=1h0m0s pushes=0 wakes=0 sessions=3 uptime=2h0m0s version=1.2.3",
			"summary for=1m0s pushes=0 wakes=0 sessions=3 uptime=2h1m0s version=1.2.3")
		if w.ticks < 7_200 {
			t.Errorf("the providers' troubles were ticked %d times in two hours, want each second", w.ticks)
		}
	})
}

func TestTheStatusHasAppsInTroubleFirstAndPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t)
		for i := range 25 {
			w.apps = append(w.apps, fmt.Sprintf("app-%02d", i))
		}
		for _, bad := range []string{"app-03", "app-17", "app-24"} {
			w.trouble[bad] = push.ProviderStanding{State: push.ProviderUnreachable, LastError: &push.ProviderError{At: time.Now(), Error: push.FailureRefused}}
		}
		for _, limit := range []int{1, 2, 3, 4, 7, 25, 100} {
			var names []string
			for cursor := ""; ; {
				status, err := w.Status(t.Context(), cursor, limit)
				if err != nil || len(status.Apps) > limit || status.AppsInTrouble != 3 || status.Standing != "trouble" {
					t.Fatalf("pages of %d: %+v, %v", limit, status, err)
				}
				for _, a := range status.Apps {
					names = append(names, a.App)
				}
				if cursor = status.Cursor; cursor == "" {
					break
				}
			}
			want := append([]string{"app-03", "app-17", "app-24"}, slices.DeleteFunc(slices.Clone(w.apps), func(a string) bool { return w.trouble[a].State != "" })...)
			if !slices.Equal(names, want) {
				t.Errorf("pages of %d: %v, want %v", limit, names, want)
			}
		}
		var wrong push.FieldErrors
		if _, err := w.Status(t.Context(), "AAAA", 10); !errors.As(err, &wrong) {
			t.Errorf("with a cursor that is none: %v, want what is wrong with it", err)
		}
	})
}

func TestTheLastHourIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t)
		started := time.Now()
		w.Accepted()
		w.Woke(push.FCM, "")
		w.Woke(push.FCM, push.FaultQuota)
		w.Final(push.Cancelled, push.ReasonNone, 7)
		w.TokenDropped("notes", push.FCM, "UNREGISTERED")
		time.Sleep(50 * time.Minute)
		status, err := w.Status(t.Context(), "", 10)
		h := status.LastHour
		if err != nil || h.Pushes != 1 || h.Deliveries[push.Cancelled] != 7 || h.Wakes[push.FCM].Sent != 2 || h.Wakes[push.FCM].Taken != 1 ||
			h.Wakes[push.FCM].Refused[push.FaultQuota] != 1 || h.TokensDropped[push.FCM] != 1 || !h.Since.Equal(started) {
			t.Errorf("the last hour: %+v, %v", h, err)
		}
		if status.Uptime != "50m0s" || status.Engine != "sqlite" || status.Node != "node-1" || status.Sessions != 3 || status.Standing != "ok" || status.Commits.Last != "" {
			t.Errorf("the status: %+v", status)
		}
		time.Sleep(30 * time.Minute)
		if status, err = w.Status(t.Context(), "", 10); err != nil || status.LastHour.Pushes != 0 || time.Since(status.LastHour.Since) > 65*time.Minute {
			t.Errorf("later: %+v, %v; want nothing", status.LastHour, err)
		}
	})
}
