package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hushpush/hush/internal/store/litedb"
	"github.com/hushpush/hush/push"
)

const (
	sqliteReaderCount = 4
	// readTime bounds one call of a reader: what it sees is held in the write-ahead log, which cannot begin anew meanwhile.
	readTime = 30 * time.Second
	// interruptAgain is how soon an interrupt is repeated; see litedb.Conn.Interrupt.
	interruptAgain = 5 * time.Millisecond
)

var errReadTime = fmt.Errorf("a query took longer than %s", readTime)

// sqliteReaders run queries, each call on one of a few connections that nobody else uses meanwhile.
type sqliteReaders struct {
	spell  func(string) string
	free   chan *litedb.Conn // as many places as connections
	closed chan struct{}
}

func openReaders(path string, spell func(string) string) (*sqliteReaders, error) {
	r := &sqliteReaders{spell: spell, free: make(chan *litedb.Conn, sqliteReaderCount), closed: make(chan struct{})}
	for range sqliteReaderCount {
		c, err := openConn(path, "PRAGMA query_only = 1")
		if err != nil {
			for len(r.free) > 0 {
				err = errors.Join(err, (<-r.free).Close())
			}
			return nil, err
		}
		r.free <- c
	}
	return r, nil
}

// close waits for the queries that run. It is called once.
func (r *sqliteReaders) close() error {
	close(r.closed)
	var errs []error
	for range sqliteReaderCount {
		errs = append(errs, (<-r.free).Close())
	}
	return errors.Join(errs...)
}

func (r *sqliteReaders) acquire(ctx context.Context) (*litedb.Conn, error) {
	select {
	case <-r.closed:
		return nil, push.ErrUnavailable
	default:
	}
	select {
	case c := <-r.free:
		return c, nil
	case <-r.closed:
		return nil, push.ErrUnavailable
	case <-ctx.Done():
		return nil, doneError(ctx)
	}
}

func (r *sqliteReaders) run(ctx context.Context, stmts ...*stmt) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readTime, errReadTime)
	defer cancel()
	c, err := r.acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { r.free <- c }()
	defer interruptWhenDone(ctx, c)()
	err = runAll(ctx, c, r.spell, stmts)
	if err != nil && ctx.Err() != nil {
		return doneError(ctx)
	}
	return err
}

// whyDone is the error of a context that is done, and which clock it was where that is known.
func doneError(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
		return fmt.Errorf("%w: %w", ctx.Err(), cause)
	}
	return ctx.Err()
}

// interruptWhenDone interrupts the connection from the time that ctx is done until the function that it returns is called.
// When that has returned, nothing of it interrupts what runs on the connection next.
func interruptWhenDone(ctx context.Context, c *litedb.Conn) (stop func()) {
	ended, gone := make(chan struct{}), make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		defer close(gone)
		for {
			c.Interrupt()
			select {
			case <-ended:
				return
			case <-time.After(interruptAgain):
			}
		}
	})
	return func() {
		close(ended)
		if !unwatch() {
			<-gone
		}
	}
}
