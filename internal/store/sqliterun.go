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
		s.rows.free()
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
		if err := r.prepared.Bind(r.s.args...); err != nil {
			return err
		}
		return r.once(ctx, scan)
	}
	for i := range r.s.rows.len() {
		if err := r.prepared.BindValues(r.s.rows.row(i), r.s.fold.order); err != nil {
			return err
		}
		before := r.s.n
		if err := r.once(ctx, scan); err != nil {
			return err
		}
		if r.s.hit != nil && r.s.n > before {
			r.s.hit(i)
		}
	}
	return nil
}

func (r *sqliteRun) once(ctx context.Context, scan scanFunc) error {
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
