package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/push"
)

// fillList inserts the pushes 0100001 to 0100100 of the app. Every 25th has 40 deliveries, to u1, u2 and so on; each other one has a
// delivery to no user.
func fillList(t *testing.T, s *Store, series string, empty string) {
	t.Helper()
	err := s.write(context.Background(), "fill", &op{long: true, do: func(ctx context.Context, tx *tx) error {
		return tx.run(ctx,
			exec(`INSERT INTO pushes (n, id, app, resource_id, payload, audience, collapse_key, deliver, accepted_at, expires_at, made, look_at)
				SELECT n, '0' || (100000 + n), 'notes', 'both', `+empty+`, '{}', `+empty+`, 'auto', n, n, 1, n FROM `+fmt.Sprintf(series, 100)),
			exec(`INSERT INTO deliveries (push, holder, user_id, state, reason, since, expires_at, now_or_never, generation, events)
				SELECT n, 1000, 'nobody', 'waiting', '', n, n, 0, 1, `+empty+` FROM `+fmt.Sprintf(series, 100)+` WHERE n % 25 > 0`),
			exec(`INSERT INTO former_owners (app, user_id, device) SELECT 'notes', 'u' || n, n FROM `+fmt.Sprintf(series, 40)),
			exec(`INSERT INTO deliveries (push, holder, user_id, state, reason, since, expires_at, now_or_never, generation, final_at, events)
				SELECT 25 * k, n, 'u' || n, 'expired', '', n, n, 0, 1, n, `+empty+` FROM `+fmt.Sprintf(series, 40)+
				`, (SELECT 1 AS k UNION SELECT 2 UNION SELECT 3 UNION SELECT 4) c`))
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAPageOfPushesEndsWhenItHasCostEnough(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		s := openFor(t, Config{DataDir: t.TempDir()})
		fillList(t, s, "(WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < %d) SELECT n FROM g) g", "x''")
		checkListCosts(t, s)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		s := openFor(t, Config{DatabaseURL: pgtest.URL(t)})
		fillList(t, s, "(SELECT generate_series(1, %d) AS n) g", "''::bytea")
		checkListCosts(t, s)
	})
}

func checkListCosts(t *testing.T, s *Store) {
	t.Helper()
	small := listCost{examineAtOnce: 10, examineMost: 30, countFew: 5, countMost: 60}
	expired := push.PushFilter{State: push.Expired}
	for _, c := range []struct {
		what   string
		filter push.PushFilter
		cost   listCost
		pages  [][]int // the pushes of each page, with a limit of 10
	}{
		{"a rare state", expired, small, [][]int{{100, 75}, {50}, {25}, nil}},
		{"a rare state, counted at most for 1 delivery", expired, listCost{10, 1000, 5, 1}, [][]int{{100}, {75}, {50}, {25}}},
		{"a rare state, at any cost", expired, listCosts, [][]int{{100, 75, 50, 25}}},
		{"a user's pushes", push.PushFilter{User: "u7"}, small, [][]int{{100, 75}, {50, 25}}},
		{"a time", push.PushFilter{Before: time.UnixMicro(3), After: time.UnixMicro(2)}, listCosts, [][]int{{2}}},
		{"nobody's", push.PushFilter{User: "u41"}, small, [][]int{nil}},
	} {
		var got [][]int
		for before := "g"; ; {
			l := &listing{s: s, app: "notes", filter: c.filter, cost: c.cost, ofUser: map[string]bool{}, from: "", before: before}
			page, next, err := l.page(t.Context(), 10)
			if err != nil {
				t.Fatal(err)
			}
			var numbers []int
			for _, p := range page {
				var n int
				if _, err := fmt.Sscanf(string(p.ID), "0%d", &n); err != nil {
					t.Fatal(err)
				}
				numbers = append(numbers, n-100000)
				if want := 40; n%25 == 0 && (p.Counts[push.Expired] != want || !p.Final) {
					t.Errorf("%s: push %d has %v, final %v; want %d expired, final", c.what, n, p.Counts, p.Final, want)
				}
			}
			got = append(got, numbers)
			if before = next; next == "" || len(got) > 10 {
				break
			}
		}
		if !slices.EqualFunc(got, c.pages, slices.Equal) {
			t.Errorf("%s: pages %v; want %v", c.what, got, c.pages)
		}
	}
}

func TestTheOpenStatesAreThose(t *testing.T) {
	t.Parallel()
	var open []string
	for _, s := range push.States() {
		if !s.Final() {
			open = append(open, string(s))
		}
	}
	if want := "('" + strings.Join(open, "', '") + "')"; openStates != want {
		t.Errorf("openStates is %s; want %s", openStates, want)
	}
}

func TestAnIDIsNotBeforeTheFirstOfItsTime(t *testing.T) {
	t.Parallel()
	at := time.Now()
	id := push.NewID()
	if first, later := push.FirstID(at), push.FirstID(at.Add(time.Second)); id < first || id >= later {
		t.Errorf("%s was made at %s, whose first id is %s, and %s a second later", id, at, first, later)
	}
	if first := push.FirstID(time.Time{}); first != "00000000-0000-7000-8000-000000000000" {
		t.Errorf("the first id of all is %s", first)
	}
}
