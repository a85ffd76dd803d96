package push

import (
	"cmp"
	"slices"
	"time"
)

const (
	// DevicesPerUser is how many devices a user may have unless told.
	DevicesPerUser = 20

	// heardDays is how many days a device is safe from having to make room after it was heard.
	heardDays = 7

	// mostLeave bounds how many devices make room for one: more than one only after the limit was lowered.
	mostLeave = 100
)

// Day returns the number of the day since 1970 in UTC.
func Day(t time.Time) int { return int(t.Unix() / (24 * 60 * 60)) }

// Rival is one of the devices that a user already has when another one comes.
type Rival struct {
	ID       string
	Token    TokenState
	HeardDay int
}

// MakeRoom returns which of a user's devices leave for one more to come, so that there are at most limit: those without a
// live token first, and of these and of the others the longest unheard. One that was heard within 7 days never leaves;
// where that leaves too few, the error is ErrTooManyDevices.
func MakeRoom(today int, rivals []Rival, limit int) ([]Rival, error) {
	over := len(rivals) + 1 - limit
	if over <= 0 {
		return nil, nil
	}
	may := slices.DeleteFunc(slices.Clone(rivals), func(r Rival) bool { return today-r.HeardDay <= heardDays })
	if len(may) < over {
		return nil, ErrTooManyDevices
	}
	slices.SortFunc(may, func(a, b Rival) int {
		if live := a.Token == TokenOK; live != (b.Token == TokenOK) {
			if live {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(a.HeardDay, b.HeardDay), cmp.Compare(a.ID, b.ID))
	})
	return may[:min(over, mostLeave)], nil
}
