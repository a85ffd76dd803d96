// Package bench measures Hush: hush serve in a process of its own, under a load that this process makes, beside Go's own
// HTTP/2 client on the same work in the same run. Seconds belong to a machine; the ratio of the two is what can be compared.
//
//	push.go, online.go, sessions.go, broadcast.go, wire.go   the benchmarks
//	rig.go       what a benchmark stands on: a directory, an APNs, a server, and how they end
//	role.go      this program as one of the processes that a benchmark starts
//	apple.go     an APNs that takes everything, as cheaply as can be
//	sender.go    a process that does nothing but send: Go's client, or ours
//	load.go      requests, as fast as they are answered or at a rate
//	profile.go   where the server's time goes
//	usage_*.go   what a process has used, as the kernel counts it
//	report.go    what was measured; latency.go its distribution
//
// Everything listens on loopback and is gone at the end.
package bench
