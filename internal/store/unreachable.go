package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hushpush/hush/push"
)

// unreachable is an error because the database could not be asked, or the connection to it was lost. Callers branch on
// push.ErrUnavailable; a log shows the driver's own words.
type unreachable struct{ error }

// Error is on one line: the driver has one for each address that it tried.
func (u unreachable) Error() string { return oneLine(u.error).Error() }

func (unreachable) Is(target error) bool { return target == push.ErrUnavailable }
func (u unreachable) Unwrap() error      { return u.error }

// named gives an error of the database the name that callers branch on, if it has one.
func nameError(db engine, err error) error {
	if err != nil && (errors.Is(err, errUnknown) || db.classify(err) == verdictLost) {
		return unreachable{err}
	}
	if refused := (*pgconn.ConnectError)(nil); errors.As(err, &refused) {
		return oneLine(err)
	}
	return err
}

// namingReader is the engine's reader, with named errors. Nothing is repeated here: some rows may have been read already.
type namingReader struct{ db engine }

func (r namingReader) run(ctx context.Context, stmts ...*stmt) error {
	return nameError(r.db, r.db.reader().run(ctx, stmts...))
}
