package store

import (
	"context"
	"slices"

	"github.com/hushpush/hush/push"
)

// weighFrom is how many users have to be named in one call for their devices to be counted: fewer have few.
const weighFrom = 5

// scales tell how many deliveries a push is likely to make, which bounds how many of them one transaction takes. Users who
// are not in it count as having one device.
type scales map[appUser]int

type appUser struct{ app, user string }

var howManyDevices = fold("of_app text, of_user text", `SELECT d.app, d.user_id, COUNT(*) FROM {rows}, devices d
	WHERE d.app = r.of_app AND d.user_id = r.of_user AND d.user_id <> '' GROUP BY d.app, d.user_id HAVING COUNT(*) > 1`)

// scales counts the devices of the users whom the pushes name, outside of any transaction. Those whose targets are looked up
// anyway are left out.
func (s *Store) scales(ctx context.Context, reqs []push.AcceptRequest) (scales, error) {
	var users [][]any
	many := false
	asked := map[appUser]bool{}
	for _, r := range reqs {
		to := r.Push.To
		if deferred(r.Push) || len(to.Users)+len(to.Devices) > maxAtOnce {
			continue
		}
		many = many || s.mayBeMany(to)
		for _, u := range r.Push.To.Users {
			if who := (appUser{r.Push.App, u}); !asked[who] {
				asked[who] = true
				users = append(users, []any{who.app, who.user})
			}
		}
	}
	found := scales{}
	if len(reqs) == 1 && len(users) < weighFrom && !many {
		return found, nil
	}
	for some := range slices.Chunk(users, askAtOnce) {
		err := s.read.run(ctx, howManyDevices.each(some, func(scan scanFunc) error {
			var who appUser
			var devices int
			err := scan(&who.app, &who.user, &devices)
			found[who] = devices
			return err
		}))
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// many reports whether the deliveries of a push are likely more than one transaction is to make.
func (s scales) many(p push.Push) bool {
	return len(p.To.Users)+len(p.To.Devices) > maxAtOnce || s.weigh(p) > maxAtOnce
}

// weigh is how many deliveries a push is likely to make.
func (s scales) weigh(p push.Push) int {
	n := len(p.To.Devices)
	for _, u := range p.To.Users {
		n += max(s[appUser{p.App, u}], 1)
	}
	return n
}
