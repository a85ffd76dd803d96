package api

// BodiesInFlight returns how much of the bodies' budget is held.
func (a *API) BodiesInFlight() int64 {
	a.bodies.mu.Lock()
	defer a.bodies.mu.Unlock()
	return a.bodies.used
}
