package server

import (
	"time"

	"github.com/hushpush/hush/internal/api"
	"github.com/hushpush/hush/internal/bucket"
	"github.com/hushpush/hush/internal/config"
)

// The rates that callers have unless told.
var (
	newDevicesRate      = bucket.Rate{Burst: 30, Every: time.Minute}
	unauthenticatedRate = bucket.Rate{Burst: 500, Every: 100 * time.Millisecond}
)

// rateOf returns a rate as it was set, or the standard one.
func rateOf(set config.Rate, standard bucket.Rate) bucket.Rate {
	switch {
	case set.Off:
		return bucket.Rate{}
	case set.Burst == 0:
		return standard
	}
	return bucket.Rate{Burst: set.Burst, Every: set.Every}
}

// perSecond returns a rate of n a second, all of which may come at once; 0: any.
func perSecond(n int) bucket.Rate {
	if n == 0 {
		return bucket.Rate{}
	}
	return bucket.Rate{Burst: n, Every: time.Second / time.Duration(n)}
}

func limitsOf(set config.Limits) api.Limits {
	return api.Limits{
		NewDevices: rateOf(set.NewDevices, newDevicesRate), Key: perSecond(set.KeyRate), App: perSecond(set.AppRate),
	}
}
