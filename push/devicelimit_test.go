package push_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func TestWhoMakesRoomForANewDevice(t *testing.T) {
	t.Parallel()
	const today = 20_000
	rival := func(id string, token push.TokenState, unheard int) push.Rival {
		return push.Rival{ID: id, Token: token, HeardDay: today - unheard}
	}
	for _, c := range []struct {
		name   string
		rivals []push.Rival
		limit  int
		want   []string
		err    error
	}{
		{"there is room", []push.Rival{rival("a", push.TokenDead, 90)}, 2, nil, nil},
		{"the longest unheard", []push.Rival{rival("a", push.TokenOK, 8), rival("b", push.TokenOK, 30)}, 2, []string{"b"}, nil},
		{"first without a live token", []push.Rival{rival("a", push.TokenOK, 90), rival("b", push.TokenDead, 8), rival("c", push.TokenMissing, 9)}, 3, []string{"c"}, nil},
		{"the limit was lowered", []push.Rival{rival("a", push.TokenOK, 8), rival("b", push.TokenOK, 9), rival("c", push.TokenOK, 1)}, 2, []string{"b", "a"}, nil},
		{"none heard within 7 days", []push.Rival{rival("a", push.TokenDead, 7), rival("b", push.TokenMissing, 0)}, 2, nil, push.ErrTooManyDevices},
		{"too few to leave", []push.Rival{rival("a", push.TokenOK, 8), rival("b", push.TokenOK, 1), rival("c", push.TokenOK, 1)}, 2, nil, push.ErrTooManyDevices},
	} {
		leave, err := push.MakeRoom(today, c.rivals, c.limit)
		var got []string
		for _, r := range leave {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, c.want) || !errors.Is(err, c.err) {
			t.Errorf("%s: %v leave, %v; want %v, %v", c.name, got, err, c.want, c.err)
		}
	}
}

func TestADayIsUTC(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	if push.Day(midnight.Add(-time.Second))+1 != push.Day(midnight) || push.Day(midnight.Add(24*time.Hour-1)) != push.Day(midnight) {
		t.Error("a day does not begin at midnight in UTC")
	}
}
