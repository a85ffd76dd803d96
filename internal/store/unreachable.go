package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hushpush/hush/push"
)

// unreachable is an error of a database that could not be reached, or whose connection was lost. Callers branch on
// push.ErrUnavailable. The text is the driver's, for the log.
type unreachable struct{ error }

// Error returns the text on one line. The driver's own has a line for each address that it tried.
func (u unreachable) Error() string { return oneLine(u.error).Error() }

func (unreachable) Is(target error) bool { return target == push.ErrUnavailable }
func (u unreachable) Unwrap() error      { return u.error }

// nameError makes an error of the database one that callers can branch on, if it means that the database is unreachable.
func nameError(db engine, err error) error {
	if err != nil && (errors.Is(err, errUnknown) || db.classify(err) == verdictLost) {
		return unreachable{err}
	}
	if refused := (*pgconn.ConnectError)(nil); errors.As(err, &refused) {
		return oneLine(err)
	}
	return err
}

// namingReader is the engine's reader with errors from nameError. It does not repeat queries, since some rows may have been read
// already.
type namingReader struct{ db engine }

func (r namingReader) run(ctx context.Context, stmts ...*stmt) error {
	return nameError(r.db, r.db.reader().run(ctx, stmts...))
}
