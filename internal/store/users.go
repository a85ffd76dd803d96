package store

import (
	"context"
	"errors"

	"github.com/hushpush/hush/push"
)

// PutTags replaces a user's tags. A user may have tags before the first device. It returns push.ErrNotFound if the app does not
// exist.
func (s *Store) PutTags(ctx context.Context, app, user string, tags []string) error {
	return s.write(ctx, "put tags", &op{app: app, users: []string{user}, do: func(ctx context.Context, t *tx) error {
		if err := t.appExists(ctx, app); err != nil {
			return err
		}
		return t.run(ctx, exec("INSERT INTO users (app, id, tags) VALUES (?, ?, ?) ON CONFLICT (app, id) DO UPDATE SET tags = excluded.tags",
			app, user, jsonList(tags)))
	}})
}

func readTags(scan scanFunc) (tags []string, err error) {
	var text string
	if err = scan(&text); err == nil {
		err = decode(text, &tags)
	}
	return tags, err
}

// Tags returns a user's tags; none for an unknown user.
func (s *Store) Tags(ctx context.Context, app, user string) ([]string, error) {
	tags, err := one(ctx, s.read, readTags, "SELECT tags FROM users WHERE app = ? AND id = ?", app, user)
	if errors.Is(err, push.ErrNotFound) {
		return nil, nil
	}
	return tags, wrap("tags", err)
}

const (
	unseenUsers = "SELECT app, id FROM users WHERE seen_at IS NULL AND tags = '[]' ORDER BY app, id LIMIT ?"
	removeUser  = "DELETE FROM users WHERE app = ? AND id = ?"
)

// RemoveUsers removes up to limit rows of users, at most 1 000, who were never seen and have no tags, and returns how many. Where
// rows have to be locked, a push to such a user leaves a row; see rowLocks.
func (s *Store) RemoveUsers(ctx context.Context, limit int) (removed int, err error) {
	limit = pageSize(limit)
	if first, err := all(ctx, s.read, readRef, unseenUsers, 1); err != nil || len(first) == 0 {
		return 0, wrap("remove users", err)
	}
	err = s.write(ctx, "remove users", &op{long: true, do: func(ctx context.Context, t *tx) error {
		unseen, err := all(ctx, t, readRef, unseenUsers+" {skip}", limit)
		if err != nil {
			return err
		}
		removed = len(unseen)
		stmts := make([]*stmt, len(unseen))
		for i, u := range unseen {
			stmts[i] = exec(removeUser, u.app, u.id)
		}
		return t.run(ctx, stmts...)
	}})
	return removed, err
}
