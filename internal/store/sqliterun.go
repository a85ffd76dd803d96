package store

import (
	"context"

	"github.com/hushpush/hush/internal/store/litedb"
)

// runAll runs statements on a connection of SQLite. When ctx ends, the current statement stops before its next row.
func runAll(ctx context.Context, c *litedb.Conn, spell func(string) string, stmts []*stmt) error {
	for _, s := range stmts {
		done, err := runMany(ctx, c, spell, s)
		if err == nil && (s.fold == nil || done < s.rows.len()) {
			var prepared *litedb.Stmt
			if prepared, err = c.Prepare(spell(s.sql)); err == nil {
				err = (&sqliteRun{c, prepared, s}).all(ctx, done)
			}
		}
		s.rows.free()
		if err != nil {
			return s.wrap(err)
		}
	}
	return nil
}

// runMany runs a statement for its rows, rowsAtOnce at a time, as long as there are as many. It returns for how many rows it has run.
func runMany(ctx context.Context, c *litedb.Conn, spell func(string) string, s *stmt) (done int, err error) {
	s.n = 0
	if s.fold == nil || s.fold.many == "" || s.row != nil || s.hit != nil || s.rows.len() < rowsAtOnce {
		return 0, nil
	}
	prepared, err := c.Prepare(spell(s.fold.many))
	if err != nil {
		return 0, err
	}
	r := &sqliteRun{c, prepared, s}
	for ; s.rows.len()-done >= rowsAtOnce; done += rowsAtOnce {
		if err := prepared.BindValues(s.rows.args[done*s.rows.width:(done+rowsAtOnce)*s.rows.width], nil); err != nil {
			return done, err
		}
		if err := r.once(ctx, nil); err != nil {
			return done, err
		}
	}
	return done, nil
}

// sqliteRun is the run of one statement: once, or for each of its rows.
type sqliteRun struct {
	c        *litedb.Conn
	prepared *litedb.Stmt
	s        *stmt
}

// all runs the statement for its rows from one on, or once if it is not folded.
func (r *sqliteRun) all(ctx context.Context, from int) error {
	scan := scanFunc(r.prepared.Scan)
	if r.s.fold == nil {
		if err := r.prepared.Bind(r.s.args...); err != nil {
			return err
		}
		return r.once(ctx, scan)
	}
	for i := from; i < r.s.rows.len(); i++ {
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

// once runs the prepared statement with the arguments that are bound, and reads its rows.
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
