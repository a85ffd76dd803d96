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
	// readTime bounds one call of a reader. During the call, the write-ahead log has to keep what the reader sees, and cannot restart.
	readTime = 30 * time.Second
	// interruptAgain is how soon an interrupt is repeated; see litedb.Conn.Interrupt.
	interruptAgain = 5 * time.Millisecond
)

var errReadTime = fmt.Errorf("a query took longer than %s", readTime)

// sqliteReaders run queries. Each call has one of a few connections to itself.
type sqliteReaders struct {
	spell  func(string) string
	free   chan *litedb.Conn // its capacity is the number of connections
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

// close waits for the running queries, and closes the connections. It may be called once.
func (r *sqliteReaders) close() error {
	close(r.closed)
	var errs []error
	for range sqliteReaderCount {
		errs = append(errs, (<-r.free).Close())
	}
	return errors.Join(errs...)
}

// acquire waits for a free connection. The caller sends it back to free.
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

// doneError returns the error of a context that is done, with its cause if that is another one.
func doneError(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
		return fmt.Errorf("%w: %w", ctx.Err(), cause)
	}
	return ctx.Err()
}

// interruptWhenDone interrupts the connection repeatedly once ctx is done, until stop is called. After stop has returned, no more
// interrupts reach the connection, so the next caller may use it.
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
