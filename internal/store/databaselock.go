package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// databaseLock is this process' exclusive lock on a PostgreSQL database: an advisory lock on a connection of its own, held as long
// as the process lives. It decides which process may serve the database. The fence keeps a process that has lost the lock from
// writing: each transaction checks whether another process has claimed the database since.
//
//	acquireDatabaseLock ─▶ claim (Store.Open) ─▶ fence ─▶ … connection lost ─▶ reacquired, or ousted
type databaseLock struct {
	cfg      *pgx.ConnConfig
	me       holder
	log      *slog.Logger
	onOusted func(error)
	fenced   *atomic.Bool // whether this process has claimed the database
	pool     querier      // the engine's connections, which may outlive the lock's

	conn *pgx.Conn // owned by watch once it runs
	stop context.CancelFunc
	done sync.WaitGroup
}

// querier is a connection, or a pool of them.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Times of a database lock.
const (
	lockCheckEvery = 5 * time.Second        // between two checks that the lock is still held, and for an answer; a closed connection is noticed at once
	lockRetryWait  = 250 * time.Millisecond // between two attempts to reacquire it
)

// The lock is for one schema: two installations may share a database, each in a schema of its own.
const (
	tryAdvisoryLock = "SELECT pg_try_advisory_lock(1752527720, hashtext(coalesce(current_schema(), '')))"
	hasAdvisoryLock = `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid = 1752527720)`
)

// acquireDatabaseLock waits for the turn of this process, acquires the lock, and holds it until release. onOusted is called, once, if
// another process acquires it while the connection is lost.
func acquireDatabaseLock(ctx context.Context, h *databaseLock, turn processTurn) (*databaseLock, error) {
	what := fmt.Sprintf("database %s on %s", printable(h.cfg.Database), printable(h.cfg.Host))
	if err := turn.wait(ctx, what, func() (bool, error) { return h.try(ctx) }, h.currentHolder); err != nil {
		h.close()
		return nil, err
	}
	watching, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.done.Go(func() { h.watch(watching) })
	return h, nil
}

// try acquires the lock if it is free, on a new connection if the previous one was lost.
func (h *databaseLock) try(ctx context.Context) (got bool, err error) {
	if h.conn == nil || h.conn.IsClosed() {
		if h.conn, err = pgx.ConnectConfig(ctx, h.cfg); err != nil {
			return false, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, lockCheckEvery)
	defer cancel()
	err = h.conn.QueryRow(ctx, tryAdvisoryLock).Scan(&got)
	return got, err
}

// currentHolder returns the process that has claimed the database; the zero value if that cannot be read.
func (h *databaseLock) currentHolder(ctx context.Context) holder {
	ctx, cancel := context.WithTimeout(ctx, lockCheckEvery)
	defer cancel()
	by, err := h.claimed(ctx, h.conn)
	if err != nil {
		return holder{}
	}
	return by
}

// release releases the lock for the next process.
func (h *databaseLock) release() {
	if h == nil {
		return
	}
	h.stop()
	h.done.Wait()
}

// claimed returns the process that has claimed the database; the zero value if none has yet.
func (h *databaseLock) claimed(ctx context.Context, q querier) (by holder, err error) {
	var value string
	err = q.QueryRow(ctx, "SELECT value FROM settings WHERE name = $1", holderName).Scan(&value)
	var pe *pgconn.PgError
	if errors.Is(err, pgx.ErrNoRows) || errors.As(err, &pe) && pe.Code == "42P01" { // undefined_table, before the first start
		return holder{}, nil
	}
	if err != nil {
		return holder{}, err
	}
	return decodeHolder(value), nil
}

// decodeHolder returns the process that a claim names; the zero value if it cannot be decoded.
func decodeHolder(claim string) (h holder) {
	if json.Unmarshal([]byte(claim), &h) != nil {
		return holder{}
	}
	return h
}

// watch holds the lock until ctx ends, and reacquires it if it is lost.
func (h *databaseLock) watch(ctx context.Context) {
	defer func() { h.close() }()
	for {
		lost := h.watchConn(ctx)
		if ctx.Err() != nil {
			return
		}
		h.log.Warn("lost the connection that holds the database lock; acquiring it again", "error", oneLine(lost))
		h.close()
		if err := h.reacquire(ctx); err != nil {
			if ctx.Err() == nil {
				h.onOusted(fmt.Errorf("store: %w", err))
			}
			return
		}
		h.log.Info("acquired the database lock again")
	}
}

func (h *databaseLock) close() {
	if h.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = h.conn.Close(ctx) // lost already, or no longer needed
		h.conn = nil
	}
}

// errLockLost means that the connection is open, but the session behind it is another one.
var errLockLost = fmt.Errorf("the session has lost its lock; %w", errPooler)

// watchConn checks the lock until it is lost or ctx ends, and returns the reason.
func (h *databaseLock) watchConn(ctx context.Context) error {
	for {
		err := h.wait(ctx)
		if err != nil {
			return err
		}
		asking, cancel := context.WithTimeout(ctx, lockCheckEvery)
		held := false
		err = h.conn.QueryRow(asking, hasAdvisoryLock).Scan(&held)
		cancel()
		if err == nil && !held {
			err = errLockLost
		}
		if err != nil {
			return err
		}
	}
}

// wait returns an error as soon as the connection is closed, and nil after lockCheckEvery.
func (h *databaseLock) wait(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, lockCheckEvery)
	defer cancel()
	_, err := h.conn.WaitForNotification(waiting)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil && !h.conn.IsClosed() {
		return nil
	}
	return err
}

// reacquire acquires the lock again, however long the database is unreachable. It returns an error if another process has claimed the
// database, or ctx ends.
func (h *databaseLock) reacquire(ctx context.Context) error {
	for {
		conn, err := pgx.ConnectConfig(ctx, h.cfg)
		if err == nil {
			err = h.lockOn(ctx, conn)
			if err == nil {
				h.conn = conn
				return nil
			}
			_ = conn.Close(ctx)
		} else {
			err = h.checkPool(ctx, err)
		}
		if errors.Is(err, errOusted) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockRetryWait):
		}
	}
}

// errLockTaken means that another session has the lock: our own previous one, which PostgreSQL has not ended yet, or that of a process
// that has not claimed the database yet.
var errLockTaken = errors.New("the lock is taken")

// lockOn acquires the lock on a new connection.
func (h *databaseLock) lockOn(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, lockCheckEvery)
	defer cancel()
	got := false
	if err := conn.QueryRow(ctx, tryAdvisoryLock).Scan(&got); err != nil {
		return err
	}
	by, err := h.claimed(ctx, conn) // after the lock, which keeps others from claiming
	switch {
	case err != nil:
		return err
	case h.isOusted(by):
		return fmt.Errorf("%w%s", errOusted, by)
	case !got:
		return errLockTaken
	}
	return nil
}

// checkPool reads on the engine's connections who has claimed the database, when no new connection can be made (notConnected).
// Otherwise the remaining connections would go on serving reads for a process that has been replaced.
func (h *databaseLock) checkPool(ctx context.Context, notConnected error) error {
	ctx, cancel := context.WithTimeout(ctx, lockCheckEvery)
	defer cancel()
	by, err := h.claimed(ctx, h.pool)
	if err == nil && h.isOusted(by) {
		return fmt.Errorf("%w%s", errOusted, by)
	}
	return notConnected
}

// isOusted reports whether a claim of the database ends this process.
func (h *databaseLock) isOusted(by holder) bool {
	return by.Node != "" && by.Node != h.me.Node && h.fenced.Load()
}

// errOusted means that another process has claimed the database, and that this one must no longer write.
var errOusted = errors.New("the database has been taken over by another hush process")

func oustedBy(claim string) error { return fmt.Errorf("%w%s", errOusted, decodeHolder(claim)) }
