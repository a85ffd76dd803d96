package store

import (
	"context"
	"strconv"
	"time"

	"github.com/hushpush/hush/push"
)

var (
	devicesOfUsers = fold("of_app text, of_user text", "SELECT "+deviceColumns+" FROM {rows}, "+devicesWithState+ofUsers+" ORDER BY d.id LIMIT "+strconv.Itoa(push.MaxAudience))
	devicesByID    = fold("of_app text, of_device text", "SELECT "+deviceColumns+" FROM {rows}, "+devicesWithState+byIDs+" ORDER BY d.id LIMIT "+strconv.Itoa(push.MaxAudience))
)

const devicePage = "SELECT " + deviceColumns + " FROM " + devicesWithState + " WHERE d.app = ? AND d.user_id <> '' AND d.id > ? ORDER BY d.id LIMIT ?"

// Audience returns the targets that a push would have now: the first 10 000 devices, and users without one. It changes nothing.
func (s *Store) Audience(ctx context.Context, p push.Push) ([]push.Target, []push.Warning, error) {
	var targets []push.Target
	if p.To.Deferred() {
		targets, err := s.matching(ctx, p)
		return targets, nil, wrap("audience", err)
	}
	a := newAcceptance(nil, time.Time{}) // used for reading only
	a.request(p.App, p.To.Users, p.To.Devices)
	aud := a.apps[p.App]
	byID := map[string]push.Device{}
	read := func(scan scanFunc) error {
		d, err := readDevice(scan)
		byID[d.ID] = d
		return err
	}
	stmts := append(a.readTargets(), devicesOfUsers.each(devicesOfUsers.idRows(p.App, p.To.Users), read), devicesByID.each(devicesByID.idRows(p.App, p.To.Devices), read))
	if err := s.read.run(ctx, stmts...); err != nil {
		return nil, nil, wrap("audience", err)
	}
	if err := s.read.run(ctx, a.readSeen()); err != nil {
		return nil, nil, wrap("audience", err)
	}
	found, warnings, err := s.cfg.Accepting.Recipients(p.To, aud)
	if err != nil {
		return nil, nil, wrap("audience", err)
	}
	for _, to := range found[:min(len(found), push.MaxAudience)] {
		d, ok := byID[to.Device]
		if ok || to.Device == "" {
			targets = append(targets, push.Target{User: to.User, Device: d})
		}
	}
	return targets, warnings, nil
}

// matching returns the first devices of the app that a push with tags, or to all, is for.
func (s *Store) matching(ctx context.Context, p push.Push) ([]push.Target, error) {
	var targets []push.Target
	for after, tags := "", map[string][]string{}; len(targets) < push.MaxAudience; {
		page, err := all(ctx, s.read, readDevice, devicePage, p.App, after, maxPage)
		if err != nil {
			return nil, err
		}
		for _, d := range page {
			after = d.ID
			if !p.To.All {
				if _, known := tags[d.User]; !known {
					if tags[d.User], err = s.Tags(ctx, p.App, d.User); err != nil {
						return nil, err
					}
				}
				if !p.To.Tags.Matches(tags[d.User]) {
					continue
				}
			}
			if len(targets) < push.MaxAudience {
				targets = append(targets, push.Target{User: d.User, Device: d})
			}
		}
		if len(page) < maxPage {
			break
		}
	}
	return targets, nil
}
