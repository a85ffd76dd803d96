package fcmtest

// StopClock has simulated time stand still from now on, but for Advance: storage, expiry and rates then do not depend on how
// fast the machine is, and one client's script has the same effects at each run. Signed tokens are judged by real time all
// the same.
func (s *Server) StopClock() { s.clock.Stop() }
