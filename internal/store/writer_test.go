package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store/litedb"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/push"
)

// counting is an engine that counts commits, and whose commits can be made to fail.
type counting struct {
	engine
	mu      sync.Mutex
	commits int
	fail    func(commit int) error // called before a commit; nil never fails
	verdict verdict                // the class of errOnPurpose
	settled func()                 // called instead of maintain
}

func (c *counting) maintain() {
	if c.settled != nil {
		c.settled()
	}
}

var errOnPurpose = errors.New("on purpose")

type countingTx struct {
	transaction
	c *counting
}

func (c *counting) begin(ctx context.Context) (transaction, error) {
	t, err := c.engine.begin(ctx)
	return &countingTx{t, c}, err
}

func (c *counting) classify(err error) verdict {
	if errors.Is(err, errOnPurpose) {
		return c.verdict
	}
	return c.engine.classify(err)
}

func (t *countingTx) commit(ctx context.Context) error {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.c.commits++
	if t.c.fail != nil {
		if err := t.c.fail(t.c.commits); err != nil {
			return err
		}
	}
	return t.transaction.commit(ctx)
}

func openCounting(t *testing.T, cfg Config) (*Store, *counting) {
	cfg.DataDir = t.TempDir()
	s := openFor(t, cfg)
	if _, _, err := s.PutApp(context.Background(), "notes"); err != nil {
		t.Fatal(err)
	}
	c := &counting{engine: s.db}
	s.db = c // before anything else is written
	return s, c
}

// hold keeps the writer busy until release is called, so that the ops submitted in the meantime form one batch.
func (s *Store) hold(t *testing.T) (release func()) {
	t.Helper()
	begun, end := make(chan struct{}), make(chan struct{})
	o := &op{do: func(context.Context, *tx) error { close(begun); <-end; return nil }}
	if err := s.writer.submit(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	<-begun
	return func() { close(end); <-o.done }
}

func (w *writer) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.urgent.len() + w.long.len()
}

func putTag(s *Store, i int) error {
	return s.PutTags(context.Background(), "notes", fmt.Sprint("u", i), []string{"t"})
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

func TestWhatGathersBecomesOneTransaction(t *testing.T) {
	t.Parallel()
	s, c := openCounting(t, Config{BatchOps: 40})
	release := s.hold(t)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if err := putTag(s, i); err != nil {
				t.Error(err)
			}
		})
	}
	waitFor(t, "100 ops in the queue", func() bool { return s.writer.waiting() == 100 })
	before := c.commits
	release()
	wg.Wait()
	if got := c.commits - before; got != 4 { // the one that held the writer, and 40 + 40 + 20
		t.Errorf("%d commits, want 4: batches of at most 40", got)
	}
}

// The time of a transaction grows with its deliveries, and all other callers wait for it.
func TestPushesForUsersWithManyDevicesAreSpreadOverTransactions(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, c := openCounting(t, Config{})
	if _, err := s.PutResource(ctx, push.Resource{App: "notes", ID: "both"}); err != nil {
		t.Fatal(err)
	}
	for i := range push.DevicesPerUser {
		r := push.Registration{DeviceID: fmt.Sprint("d", i), Platform: push.Android, Package: "com.example.notes"}
		if _, _, err := s.Register(ctx, r, "notes", push.Caller{User: "alice"}, nil, []byte(r.DeviceID)); err != nil {
			t.Fatal(err)
		}
	}
	const pushes = 100 // of 20 deliveries each: 76 of them are about maxRecipients
	reqs := make([]push.AcceptRequest, pushes)
	for i := range reqs {
		at := s.now()
		reqs[i].Push = push.Push{ID: push.NewID(), App: "notes", To: push.Audience{Users: []string{"alice"}}, ResourceID: "both", AcceptedAt: at}
	}
	release := s.hold(t)
	var results []push.AcceptResult
	var wg sync.WaitGroup
	wg.Go(func() { results = s.Accept(ctx, reqs, 0, nil) })
	waitFor(t, "the pushes in the queue", func() bool { return s.writer.waiting() == pushes })
	before := c.commits
	release()
	wg.Wait()
	for _, r := range results {
		if r.Err != nil || r.Accepted.Deliveries != push.DevicesPerUser {
			t.Fatalf("%+v, %v; want %d deliveries", r.Accepted, r.Err, push.DevicesPerUser)
		}
	}
	if got := c.commits - before; got != 3 { // the one that held the writer, and 50 + 50
		t.Errorf("%d commits for %d deliveries, want 3: at most %d in each", got, pushes*push.DevicesPerUser, maxRecipients)
	}
}

func TestOneOpThatCannotBeDoneFailsAlone(t *testing.T) {
	t.Parallel()
	s, _ := openCounting(t, Config{})
	release := s.hold(t)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			if i != 37 {
				if err := putTag(s, i); err != nil {
					t.Errorf("op %d: %v", i, err)
				}
				return
			}
			err := s.write(context.Background(), "spoil", &op{app: "notes", do: func(ctx context.Context, t *tx) error {
				return t.run(ctx, exec("INSERT INTO users (app, id) VALUES ('notes', 'spoiled')"), exec("INSERT INTO no_such_table VALUES (1)"))
			}})
			if err == nil {
				t.Error("the one that cannot be done was done")
			}
		})
	}
	waitFor(t, "64 ops in the queue", func() bool { return s.writer.waiting() == 64 })
	release()
	wg.Wait()
	n, err := one(context.Background(), s.read, scalar[int], "SELECT COUNT(*) FROM users")
	if err != nil || n != 63 {
		t.Errorf("%d users, %v; want 63: all but the spoiled one", n, err)
	}
}

func TestADeadlockIsRepeated(t *testing.T) {
	t.Parallel()
	s, c := openCounting(t, Config{})
	c.verdict = verdictRepeat
	left := 3
	c.fail = func(int) error {
		if left--; left >= 0 {
			return errOnPurpose
		}
		return nil
	}
	if err := putTag(s, 1); err != nil {
		t.Errorf("after three repeats: %v", err)
	}
}

func TestAnUnknownOutcomeIsSaidAndNotRepeated(t *testing.T) {
	t.Parallel()
	s, c := openCounting(t, Config{})
	c.verdict = verdictLost
	c.fail = func(n int) error { return errors.Join(errUnknown, errOnPurpose) }
	err := putTag(s, 1)
	if !errors.Is(err, errUnknown) || !errors.Is(err, push.ErrUnavailable) || c.commits != 1 {
		t.Errorf("%d commits, %v; want one, outcome unknown, push.ErrUnavailable", c.commits, err)
	}
	c.fail = nil
	_ = c.engine.(*sqliteEngine)
	(&sqliteTx{c.engine.(*sqliteEngine)}).rollback()
}

func TestAFailedFlushIsFatal(t *testing.T) {
	t.Parallel()
	fatal := make(chan error, 1)
	s, c := openCounting(t, Config{Fatal: func(err error) { fatal <- err }})
	c.verdict = verdictFatal
	c.fail = func(int) error { return errOnPurpose }
	if err := putTag(s, 1); !errors.Is(err, errOnPurpose) {
		t.Errorf("the caller: %v, want the error", err)
	}
	if err := <-fatal; !errors.Is(err, errOnPurpose) {
		t.Errorf("fatal: %v", err)
	}
}

func TestLongWorkAndPushesTakeTurns(t *testing.T) {
	t.Parallel()
	s, _ := openCounting(t, Config{BatchOps: 2})
	release := s.hold(t)
	var order []string // owned by the writer
	add := func(name string, long bool) *op {
		o := &op{app: name, long: long, do: func(context.Context, *tx) error { order = append(order, name); return nil }}
		if err := s.writer.submit(context.Background(), o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	var ops []*op
	for range 2 {
		ops = append(ops, add("long", true))
	}
	for range 4 {
		ops = append(ops, add("a", false))
	}
	ops = append(ops, add("b", false))
	release()
	for _, o := range ops {
		<-o.done
	}
	if got := fmt.Sprint(order); got != "[long a b long a a a]" {
		t.Errorf("order %s; want apps in turn, and one long piece between two batches", got)
	}
}

func TestAFullQueueMakesCallersWait(t *testing.T) {
	t.Parallel()
	s, _ := openCounting(t, Config{QueueOps: 2})
	release := s.hold(t)
	first := make(chan error, 1)
	go func() { first <- putTag(s, 1) }()
	waitFor(t, "the second place to be taken", func() bool { return len(s.writer.places) == 2 })
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := s.PutTags(short, "notes", "u2", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a place: %v, want the deadline's error", err)
	}
	release()
	if err := <-first; err != nil {
		t.Error(err)
	}
	if tags, err := s.Tags(context.Background(), "notes", "u2"); tags != nil || err != nil {
		t.Errorf("tags of the one that gave up: %v, %v; want none", tags, err)
	}
}

func TestOneThatGaveUpInTheQueueIsNotDone(t *testing.T) {
	t.Parallel()
	s, _ := openCounting(t, Config{})
	release := s.hold(t)
	gone, cancel := context.WithCancel(context.Background())
	outcome := make(chan error, 1)
	go func() { outcome <- s.PutTags(gone, "notes", "u1", []string{"t"}) }()
	waitFor(t, "the op in the queue", func() bool { return s.writer.waiting() == 1 })
	cancel()
	if err := <-outcome; !errors.Is(err, context.Canceled) {
		t.Errorf("outcome %v, want canceled", err)
	}
	release()
	if err := putTag(s, 2); err != nil {
		t.Fatal(err)
	}
	if tags, err := s.Tags(context.Background(), "notes", "u1"); len(tags) != 0 || err != nil {
		t.Errorf("tags %v, %v; want none", tags, err)
	}
}

// TestADiskErrorOfSQLiteIsFatal overwrites the file so that it is no longer a database.
func TestADiskErrorOfSQLiteIsFatal(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/hush.db"
	if err := os.WriteFile(path, []byte("this is certainly not a database, and long enough to be looked at as one, is it not?"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := openConn(path)
	var se *litedb.Error
	if e := (&sqliteEngine{}); !errors.As(err, &se) || e.classify(err) != verdictFatal {
		t.Errorf("open: %v, classified as %d; want an error of SQLite that is fatal", err, e.classify(err))
	}
}

func TestExpectedFailuresAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("x: %w", push.ErrNotFound), true},
		{push.FieldErrors{{Location: "x"}}, true},
		{errOnPurpose, false},
		{nil, false},
	} {
		if got := expected(c.err); got != c.want {
			t.Errorf("expected(%v) is %v, want %v", c.err, got, c.want)
		}
	}
}

func TestALostCommitIsReadBack(t *testing.T) {
	t.Parallel()
	s := openFor(t, Config{DatabaseURL: pgtest.URL(t)})
	ctx := context.Background()
	for _, committed := range []bool{true, false} {
		trans, err := s.db.begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		tx := trans.(*postgresTx)
		end := "ROLLBACK"
		if committed {
			end = "COMMIT"
		}
		if err := tx.run(ctx, exec(end)); err != nil {
			t.Fatal(err)
		}
		err = tx.readBack(ctx, errOnPurpose)
		if committed && err != nil || !committed && s.db.classify(err) != verdictLost {
			t.Errorf("after %s: %v; want nil after COMMIT, else a lost connection, to be repeated", end, err)
		}
		tx.rollback()
	}
}

func TestALostConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	s := openFor(t, Config{DatabaseURL: pgtest.URL(t)})
	if _, _, err := s.PutApp(context.Background(), "notes"); err != nil {
		t.Fatal(err)
	}
	first := true
	err := s.write(context.Background(), "write", &op{do: func(ctx context.Context, t *tx) error {
		if first { // an operator ends our connection in the middle
			first = false
			pid, err := one(ctx, t, scalar[int64], "SELECT pg_backend_pid()::bigint")
			if err != nil {
				return err
			}
			if err := s.read.run(ctx, each(ignore, "SELECT pg_terminate_backend(?::bigint::int)", pid)); err != nil {
				return err
			}
		}
		return t.run(ctx, exec("INSERT INTO users (app, id) VALUES ('notes', 'alice')"))
	}})
	n, err2 := one(context.Background(), s.read, scalar[int], "SELECT COUNT(*) FROM users")
	if err != nil || err2 != nil || n != 1 {
		t.Errorf("%d users, %v, %v; want alice once", n, err, err2)
	}
}
