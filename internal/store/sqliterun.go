package store

import (
	"context"

	"github.com/hushpush/hush/internal/store/litedb"
)

// runAll runs statements on a connection of SQLite. What ends with ctx stops before its next row.
func runAll(ctx context.Context, c *litedb.Conn, spell func(string) string, stmts []*stmt) error {
	for _, s := range stmts {
		prepared, err := c.Prepare(spell(s.sql))
		if err == nil {
			err = (&sqliteRun{c, prepared, s}).all(ctx)
		}
		if err != nil {
			return s.at(err)
		}
	}
	return nil
}

// sqliteRun is one statement being run: once, or for each of its rows.
type sqliteRun struct {
	c        *litedb.Conn
	prepared *litedb.Stmt
	s        *stmt
}

func (r *sqliteRun) all(ctx context.Context) error {
	r.s.n = 0
	scan := scanFunc(r.prepared.Scan)
	if r.s.fold == nil {
		return r.once(ctx, scan, r.s.args, nil)
	}
	for _, row := range r.s.rows {
		if err := r.once(ctx, scan, row, r.s.fold.order); err != nil {
			return err
		}
	}
	return nil
}

func (r *sqliteRun) once(ctx context.Context, scan scanFunc, args []any, order []int) error {
	if err := r.prepared.Bind(args, order); err != nil {
		return err
	}
	defer r.prepared.Reset()
	for ctx.Err() == nil {
		more, err := r.prepared.Step()
		switch {
		case err != nil:
			return err
		case !more && r.s.row == nil:
			r.s.n += r.c.Changes()
			return nil
		case !more:
			return nil
		case r.s.row == nil:
			continue
		}
		if err := r.s.row(scan); err != nil {
			return err
		}
	}
	return ctx.Err()
}
