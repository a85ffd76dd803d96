package store

import (
	"context"
	"slices"

	"github.com/hushpush/hush/push"
)

// topicsRead is how many devices Topics reads.
const topicsRead = 1_000

const topicsOf = `SELECT d.bundle_id FROM (SELECT bundle_id, platform, user_id FROM devices WHERE app = ? ORDER BY id LIMIT ?) d
	WHERE d.platform = ? AND d.user_id <> ''`

// Topics returns the bundle ids of an app's registered iOS devices, limit at most. It reads only the app's first 1 000 devices.
func (s *Store) Topics(ctx context.Context, app string, limit int) ([]string, error) {
	list, err := all(ctx, s.read, scalar[string], topicsOf, app, topicsRead, string(push.IOS))
	slices.Sort(list)
	list = slices.Compact(list)
	return list[:min(len(list), limit)], wrap("topics", err)
}
