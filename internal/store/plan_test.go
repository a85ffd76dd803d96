package store

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/store/pgtest"
)

// The keys of tables, as the plans of the two engines name them.
const (
	byDeviceID = "devices_app_id_key|sqlite_autoindex_devices"
	byNumber   = "devices_pkey|device_state_pkey|PRIMARY KEY"
	byPush     = "deliveries_pkey|PRIMARY KEY|deliveries_of_holder|deliveries_inbox" // there are one or two deliveries of a push for a holder
)

// hotQuestions are the queries whose plans decide whether Hush is fast, with arguments and the index that they have to use.
var hotQuestions = []struct {
	name  string
	sql   string
	args  []any
	index string
}{
	{"inbox", inboxOf, []any{100, "notes", "d7", 50}, "deliveries_of_holder|deliveries_inbox"},
	{"sizes in an inbox", inboxSizes, []any{"notes", "d7", 50}, "deliveries_of_holder|deliveries_inbox"},
	{"timelines of a device", openTimelines, []any{"notes", "d7", 50}, "deliveries_of_holder|deliveries_inbox"},
	{"collapse keys of a device", openKeys, []any{int64(7)}, "deliveries_collapse|deliveries_of_holder|deliveries_inbox"},
	{"open count", openOf, []any{"notes", "d7"}, "deliveries_of_holder|deliveries_inbox"},
	{"due devices", dueDevices.oldest, []any{int64(5), 100}, "device_state_due"},
	{"any due device", dueDevices.any, []any{int64(5)}, "device_state_due"},
	{"next due device", nextDevice, nil, "device_state_due"},
	{"next due push", nextPush, nil, "pushes_due"},
	{"next expiry of users' deliveries", nextExpiry, nil, "deliveries_userless_expiry"},
	{"next app with due devices", dueDevices.nextApp, []any{"notes"}, "device_state_due_in_app"},
	{"due devices of an app", dueDevices.ofApp, []any{"notes", int64(5), 100}, "device_state_due_in_app"},
	{"due pushes", duePushes.oldest, []any{int64(5), 100}, "pushes_due"},
	{"due pushes of an app", duePushes.ofApp, []any{"notes", int64(5), 100}, "pushes_due_in_app"},
	{"expiry of users' deliveries", userlessExpired, []any{-1, int64(5), 100}, "deliveries_userless_expiry"},
	{"deliveries of a user without a device", userlessOfUser, []any{-1, int64(-7), "notes", "u7", 100}, "deliveries_of_holder|deliveries_inbox"},
	{"device by credential", deviceByCredential, []any{[]byte("c7")}, "devices_credential"},
	{"devices by token", devicesByToken, []any{[]byte("t7"), "notes", "d8", "ios"}, "devices_token"},
	{"how many rivals a device has", countRivals, []any{"notes", "u7", "d7"}, "devices_of_user"},
	{"rivals of a device", rivals, []any{"notes", "u7", "d7"}, "devices_of_user"},
	{"users never seen", unseenUsers, []any{100}, "users_unseen"},
	{"unregistered devices", goneDevices, []any{int64(5), 100}, "devices_gone"},
	{"devices of a user", devicesOfUser, []any{"notes", "u7", "", 100}, "devices_of_user"},
	{"server key by hash", keyByHash, []any{[]byte("h")}, "server_keys_hash_key|sqlite_autoindex_server_keys"},
	{"old pushes", oldPushes, []any{int64(5), 100}, "pushes_old"},
	{"whether a push is final", pushOpen, []any{int64(7)}, byPush},
	{"whether a large push is final", pushOpenCounted, []any{int64(7)}, "push_counts_pkey|PRIMARY KEY"},
	{"page of a push", pushPage, []any{-1, int64(7), int64(1), "", 100}, byPush},
	{"old idempotency keys", removeIdempotency, []any{int64(5), 100}, "idempotency_old"},
	{"end of a broadcast's range", rangeEnd, []any{"notes", int64(1), 100}, "devices_of_app"},
	{"a broadcast's devices", rangeIDs, []any{"notes", int64(1), int64(100), int64(1 << 60)}, "devices_of_app"},
	{"a broadcast's devices locked, but for those that are", rangeLockFree, []any{"notes", int64(1), int64(100), int64(1 << 60)}, "devices_of_app"},
	{"a broadcast's devices counted", rangeCount, []any{"notes", int64(1), int64(100), int64(1 << 60)}, "devices_of_app"},
	{"a broadcast's devices locked", rangeLock, []any{"notes", int64(1), int64(100), int64(1 << 60)}, "devices_of_app"},
	{"broadcast's deliveries", rangeDeliver, []any{int64(1), "waiting", "", int64(1), int64(1), int64(1), int64(0), int64(0), nil, nil, []byte{}, "notes", int64(1), int64(100), int64(1 << 60)},
		"devices_of_app"},
	{"open under a broadcast's collapse key", rangeOpen, []any{-1, "notes", int64(1), int64(100), "ios", []byte("k"), int64(1)}, "deliveries_collapse"},
	{"states of a push", countStates, []any{int64(7)}, byPush},
	{"states of a large push", storedCounts, []any{int64(7)}, "push_counts_pkey|PRIMARY KEY"},
	{"next piece of a list", nextPieces, []any{"l1"}, "push_targets_pkey|sqlite_autoindex_push_targets"},
	{"lost pieces", orphanPieces, []any{int64(1), 100}, "push_targets_old"},
	{"broadcast's devices held", rangeLease, []any{int64(1), "node", int64(7), int64(1), int64(100), int64(5)}, byNumber},
	{"devices for tags", devicesAfter, []any{"notes", int64(1), int64(1 << 60), 100}, "devices_of_app"},
	{"a broadcast's open deliveries", openOfPush, []any{-1, int64(7), int64(1), "", 500}, byPush},
	{"owner of a wake key", wakeKeyOwner, []any{"k7", "k7"}, "devices_wake_key"},
	{"owner of an older wake key", wakeKeyOwner, []any{"k7", "k7"}, "wake_keys_pkey|PRIMARY KEY"},
	{"old wake keys of a device", removeOldWakeKeys, []any{"notes", "d7", 1, "notes", "d7", 12}, "wake_keys_of_device"},
	{"when a push became final", lastDone, []any{int64(7)}, byPush},
	{"when a large push became final", lastCounted, []any{int64(7)}, "push_counts_pkey|PRIMARY KEY"},
	{"all that is open on a device", allOpenOf, []any{-1, int64(7)}, "deliveries_of_holder|deliveries_inbox"},
	{"whether something is open on a device", anyOpen, []any{int64(7)}, "deliveries_of_holder|deliveries_inbox"},
	{"an app's pushes", idsOfApp, []any{"notes", "", "q", 500}, "pushes_of_app"},
	{"a user's pushes", idsOfUser, []any{"notes", "u7", "notes", "u7", int64(-7), "u7", "notes", "", "q", 500}, "deliveries_of_holder"},
	{"pushes without deliveries", idsUnmade, []any{"u7", "notes", "", "q", 500}, "pushes_unmade"},
	{"backlog", countDue, []any{int64(5), 100, int64(5), int64(5), 100, int64(5)}, "device_state_due"},
	{"backlog of pushes", countDue, []any{int64(5), 100, int64(5), int64(5), 100, int64(5)}, "pushes_due"},
	{"leases that are over", leasesOver, []any{int64(5)}, "deliveries_in_flight"},
	{"end of leases", endLeases, []any{int64(5), int64(5), int64(5)}, "deliveries_in_flight"},
	{"end of wakes for what is final", clearEnded, []any{int64(5)}, "deliveries_in_flight"},
	{"look again", lookAgain, []any{"notes", int64(5), 100}, "device_state_due_in_app|device_state_due"},
}

// hotFolds are the same of folded statements, here with one row.
var hotFolds = []struct {
	name  string
	fold  *folded
	row   []arg
	index string
}{
	{"targets of users", targetsOfUsers, []arg{str("notes"), str("u7")}, "devices_of_user"},
	{"targets by id", targetsByID, []arg{str("notes"), str("d7")}, byDeviceID},
	{"devices held", leaseDevices, []arg{num(1), str("node"), num(7)}, byNumber},
	{"leases", renewLeases, []arg{num(1), str("node"), str("notes"), str("d7"), str("node")}, byDeviceID},
	{"which devices are due", dueOf, []arg{str("notes"), str("d7"), num(5)}, byDeviceID},
	{"devices of steps", stepDevices, []arg{num(0), str("notes"), str("d7")}, byDeviceID},
	{"named deliveries", stepNamed, []arg{num(0), str("notes"), num(7), str("u7"), str("p7")}, byPush},
	{"open deliveries of steps", stepOpen, []arg{num(0), num(7), num(50)}, "deliveries_of_holder|deliveries_inbox"},
	{"open beyond", stepBeyond, []arg{num(0), num(7), num(100)}, "deliveries_of_holder|deliveries_inbox"},
	{"resources of pushes", resourcesOf, []arg{str("p7"), str("notes")}, "pushes_pkey|pushes_of_app|sqlite_autoindex_pushes"},
	{"deliveries by name", byKey, []arg{num(7), num(7), str("u7")}, byPush},
	{"newer under a collapse key", newerOpen, []arg{num(7), raw([]byte("k")), str("notes"), str("u7"), num(1)}, "deliveries_collapse"},
	{"open under a collapse key", openUnder, []arg{num(7), raw([]byte("k")), str("notes"), str("u7")}, "deliveries_collapse"},
	{"change of a delivery", changeDeliveries, []arg{str("sent"), str(""), str(""), str(""), arg{}, num(0), num(0), raw([]byte{}), num(0), num(0), arg{}, str(""), arg{}, num(7), num(7), str("u7")}, byPush},
	{"end of a delivery", endDeliveries, []arg{str("handled"), str(""), str(""), str(""), arg{}, num(0), num(0), raw([]byte{}), num(0), num(0), arg{}, str(""), arg{}, num(7), num(7), str("u7"), num(1)}, byPush},
	{"superseded as it is made", ofHolders, []arg{num(7), num(7)}, byPush},
	{"takeover", giveDevice, []arg{num(7), num(1), num(1), arg{}, str("waiting"), str(""), arg{}, raw([]byte{}), num(7), num(-7), str("u7")}, byPush},
	{"pushes of a list", listRows, []arg{str("p7"), str("notes"), str(""), str(""), num(-1), str(""), num(0), num(9)}, "pushes_pkey|pushes_of_app|sqlite_autoindex_pushes"},
	{"pushes of a list by their states", listRows, []arg{str("p7"), str("notes"), str(""), str(""), num(-1), str("waiting"), num(0), num(9)}, byPush},
	{"pushes of a list by a user's states", listRows, []arg{str("p7"), str("notes"), str(""), str("u7"), num(-7), str("waiting"), num(0), num(9)}, "former_owners_pkey|PRIMARY KEY"},
	{"pushes of a list by states on a user's devices", listRows, []arg{str("p7"), str("notes"), str(""), str("u7"), num(-7), str("waiting"), num(0), num(9)}, "devices_of_user"},
	{"states of pushes of a list", countsOf, []arg{num(7), num(1000)}, byPush},
	{"change of a device's state", updateStates, []arg{raw([]byte{}), raw([]byte{}), arg{}, num(1), num(7)}, byNumber},
	{"loss of a token", updateTokens, []arg{str("dead"), str(""), num(1), num(7)}, byNumber},
	{"devices of users, whole", lookTargetsOfUsers, []arg{str("notes"), str("u7")}, "devices_of_user"},
	{"devices by id, whole", lookTargetsByID, []arg{str("notes"), str("d7")}, byDeviceID},
	{"users who have been seen", seenUsers, []arg{str("notes"), str("u7")}, "users_pkey|PRIMARY KEY"},
	{"ids of due devices", idsOfDevices, []arg{num(0), num(7)}, byNumber},
	{"ids of due pushes", idsOfPushes, []arg{num(0), num(7)}, "pushes_pkey|PRIMARY KEY"},
	{"whether a wake is in flight", inFlight, []arg{num(0), num(7), num(5)}, "deliveries_in_flight"},
	{"a device as it was left", stateAsLeft, []arg{num(0), num(7), raw([]byte{}), num(1)}, byNumber},
	{"change of a delivery as it was left", changeIfAsLeft, []arg{str("sent"), str(""), str(""), str(""), arg{}, num(0), num(0), raw([]byte{}), num(0), num(0), arg{}, str(""), arg{}, num(7), num(7), str("u7"), num(0), str("waiting"), num(1), num(0)}, byPush},
	{"deliveries as they were left", openAsLeft, []arg{num(0), num(7), num(7), str("u7"), str("waiting"), num(1), num(0)}, byPush},
	{"settled state of a device", settleStates, []arg{raw([]byte{}), raw([]byte{}), num(1), num(7)}, byNumber},
	{"numbers of devices", numbersOf, []arg{str("notes"), str("d7")}, byDeviceID},
	{"an imported device", aboutDevices, []arg{num(0), str("notes"), str("d7"), str("u7"), str("ios"), raw([]byte("t7")), num(-7)}, byDeviceID},
	{"rivals of an imported device", aboutDevices, []arg{num(0), str("notes"), str("d7"), str("u7"), str("ios"), raw([]byte("t7")), num(-7)}, "devices_of_user"},
	{"who has an imported token", aboutDevices, []arg{num(0), str("notes"), str("d7"), str("u7"), str("ios"), raw([]byte("t7")), num(-7)}, "devices_token"},
	{"what waits for an imported device", aboutDevices, []arg{num(0), str("notes"), str("d7"), str("u7"), str("ios"), raw([]byte("t7")), num(-7)}, "deliveries_of_holder|deliveries_inbox"},
	{"users who were not seen after all", clearSeenUsers, []arg{str("notes"), str("u7")}, "users_pkey|PRIMARY KEY"},
	{"an imported device that is known", knownDevices, []arg{num(0), str("notes"), str("d7")}, byDeviceID},
	{"what is open on an imported device", knownDevices, []arg{num(0), str("notes"), str("d7")}, "deliveries_of_holder|deliveries_inbox"},
}

// These statements insert enough rows that a planner has a choice: 20 000 deliveries on 5 000 devices of two apps.
const (
	fillDevices = `INSERT INTO devices (app, id, user_id, platform, environment, provider_token, token_hash, token_state, app_state, owner_gen, token_gen,
			credential_hash, created_at, updated_at)
		SELECT CASE WHEN n %% 10 = 0 THEN 'other' ELSE 'notes' END, 'd' || n, 'u' || n, 'ios', '', %[2]s, %[3]s, 'ok', '', 1, 1, %[4]s, n, n FROM %[1]s`
	fillStates = `INSERT INTO device_state (n, app, due_at) SELECT n, app, CASE WHEN n %% 3 = 0 THEN n END FROM devices`
	fillOwners = `INSERT INTO former_owners (app, user_id, device) SELECT app, user_id, n FROM devices`
	fillCounts = `INSERT INTO push_counts (push, state, n, final_at) SELECT n, 'waiting', 1, 0 FROM pushes`
	fillUsers  = `INSERT INTO users (app, id) SELECT app, user_id FROM devices`
	fillPushes = `INSERT INTO pushes (id, app, resource_id, payload, audience, collapse_key, deliver, accepted_at, expires_at, made, due_at, look_at)
		SELECT 'p' || n, 'notes', 'both', %[2]s, '{}', %[2]s, 'auto', n, n, 1, CASE WHEN n %% 50 = 0 THEN n END, n FROM %[1]s`
	fillDeliveries = `INSERT INTO deliveries (push, holder, user_id, state, reason, since, expires_at, now_or_never, generation, final_at, collapse_key, events)
		SELECT n + k * 100, CASE WHEN n %% 20 = 7 THEN -n ELSE n END, 'u' || n, 'waiting', '', n, n, 0, 1,
			CASE WHEN k > 0 THEN n END, %[2]s, %[2]s FROM %[1]s, (SELECT 0 AS k UNION SELECT 1 UNION SELECT 2 UNION SELECT 3) c`
	fillBig = `INSERT INTO pushes (n, id, app, resource_id, payload, audience, collapse_key, deliver, accepted_at, expires_at, made, look_at)
		VALUES (99999, 'big', 'notes', 'both', %[2]s, '{}', %[2]s, 'auto', 1, 1, 1, 1)`
	fillBroadcast = `INSERT INTO deliveries (push, holder, user_id, state, reason, since, expires_at, now_or_never, generation, final_at, events)
		SELECT p.n, d.n, d.user_id, 'handled', '', 1, 1, 0, 1, 1, %[2]s FROM devices d, pushes p WHERE d.app = 'notes' AND p.id = 'big'`
	fillIdempotency = `INSERT INTO idempotency (app, key, body_hash, answer, created_at) SELECT 'notes', %[4]s, %[2]s, %[2]s, n FROM %[1]s`
	fillWakeKeys    = `INSERT INTO wake_keys (id, app, device_id, owner_gen, made_at) SELECT 'k' || n, 'notes', 'd' || n, 1, n FROM %[1]s`
	fillKeys        = `INSERT INTO server_keys (app, id, role, name, hash, created_at) SELECT 'notes', 'k' || n, 'send', '', %[4]s, n FROM %[1]s`
)

type noSealer struct{}

func (noSealer) Seal(plain, _ []byte) ([]byte, error)  { return plain, nil }
func (noSealer) Open(sealed, _ []byte) ([]byte, error) { return sealed, nil }
func (noSealer) Knows(string) bool                     { return true }
func (noSealer) KeyID() string                         { return "none" }

func unsealed(KnownKeys) (Keys, error) { return Keys{Sealer: noSealer{}}, nil }

func openFor(t testing.TB, cfg Config) *Store {
	t.Helper()
	cfg.Keys = unsealed
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestHotQuestionsUseTheirIndexes(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		s := openFor(t, Config{DataDir: t.TempDir()})
		checkPlans(t, s, "(WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 5000) SELECT n FROM g) g",
			"x''", "CAST('t' || n AS BLOB)", "CAST('c' || n AS BLOB)", "EXPLAIN QUERY PLAN ", "SCAN ")
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		s := openFor(t, Config{DatabaseURL: pgtest.URL(t)})
		checkPlans(t, s, "(SELECT generate_series(1, 5000) AS n) g", "''::bytea", "('t' || n)::bytea", "('c' || n)::bytea", "EXPLAIN ", "Seq Scan on ")
	})
}

func checkPlans(t *testing.T, s *Store, series, empty, token, credential, explain, scan string) {
	err := s.write(context.Background(), "fill", &op{long: true, do: func(ctx context.Context, tx *tx) error {
		for _, sql := range []string{fillDevices, fillStates, fillOwners, fillUsers, fillPushes, fillDeliveries, fillBig, fillBroadcast, fillCounts, fillIdempotency, fillWakeKeys, fillKeys} {
			sql = strings.Split(fmt.Sprintf(sql, series, empty, token, credential), "%!(EXTRA")[0]
			if err := tx.run(ctx, exec(sql)); err != nil {
				return err
			}
		}
		if !s.db.locksRows() {
			return nil // no data directory of SQLite is ever analyzed, so its plans are made without statistics
		}
		return tx.run(ctx, exec("ANALYZE"))
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range hotQuestions {
		checkPlan(t, s, q.name, q.index, scan, func(line func(scanFunc) error) *stmt { return each(line, explain+q.sql, q.args...) })
	}
	for _, q := range hotFolds {
		explained := *q.fold
		explained.sqlite, explained.postgres = explain+q.fold.sqlite, explain+q.fold.postgres
		checkPlan(t, s, q.name, q.index, scan, func(line func(scanFunc) error) *stmt {
			rows := explained.rows(1)
			rows.add(q.row...)
			return explained.each(rows, line)
		})
	}
}

// checkPlan checks the plan of one statement; explain returns the statement that shows it, line by line.
func checkPlan(t *testing.T, s *Store, name, index, scan string, explain func(line func(scanFunc) error) *stmt) {
	var lines []string
	err := s.write(context.Background(), "explain", &op{do: func(ctx context.Context, tx *tx) error {
		lines = nil
		return tx.run(ctx, explain(func(row scanFunc) error {
			var line string
			var ignored int
			err := row(&line)
			if err != nil {
				err = row(&ignored, &ignored, &ignored, &line)
			}
			lines = append(lines, line)
			return err
		}))
	}})
	plan := strings.Join(lines, "\n")
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	used := false
	for _, i := range strings.Split(index, "|") {
		used = used || strings.Contains(plan+"\n", i+" ") || strings.Contains(plan+"\n", i+"\n") || strings.Contains(plan, i+"_")
	}
	if !used {
		t.Errorf("%s does not use %s:\n%s", name, index, plan)
	}
	for _, table := range []string{"devices", "device_state", "former_owners", "wake_keys", "deliveries", "pushes", "push_counts", "p", "d", "v", "s", "w", "o"} {
		for _, line := range strings.Split(plan, "\n") {
			if strings.Contains(plan, "CO-ROUTINE "+table) {
				continue // a subquery
			}
			if strings.Contains(line, scan+table+" ") && !strings.Contains(line, "USING") || strings.HasSuffix(line, scan+table) {
				t.Errorf("%s reads the whole table:\n%s", name, plan)
			}
		}
	}
}

func TestBothSchemasHaveTheSameColumns(t *testing.T) {
	t.Parallel()
	columns := map[string][]string{}
	for engine, s := range map[string]*Store{"sqlite": openFor(t, Config{DataDir: t.TempDir()}), "postgres": openFor(t, Config{DatabaseURL: pgtest.URL(t)})} {
		sql := "SELECT m.name || '.' || c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE 'goose%' ORDER BY 1"
		if engine == "postgres" {
			sql = `SELECT (table_name || '.' || column_name) COLLATE "C" FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%' ORDER BY 1`
		}
		list, err := all(context.Background(), s.read, scalar[string], sql)
		if err != nil {
			t.Fatal(err)
		}
		columns[engine] = list
	}
	if a, b := fmt.Sprint(columns["sqlite"]), fmt.Sprint(columns["postgres"]); a != b || len(columns["sqlite"]) < 60 {
		t.Errorf("columns differ:\nsqlite   %s\npostgres %s", a, b)
	}
}
