package push

import "time"

// App is a tenant.
type App struct {
	Name      string
	CreatedAt time.Time
}
