package lifecycle

import "time"

// SettleWithin changes how long goroutines that stay are waited for, where some are sure to.
func SettleWithin(d time.Duration) { settle = d }
