// Package store keeps everything that Hush must not forget, in SQL: SQLite in the data directory, or PostgreSQL. It answers
// the questions of the other rooms, a file per room that asks, and decides nothing: rules come from package push, or as a
// function that a caller hands over.
//
// # The schema's idea
//
// A push is one row of pushes, a delivery (one push for one device) one row of deliveries with its timeline, a device one
// row of devices with its wake in flight and the times of its last wakes. The payload is stored once, with its push. A
// delivery for a user without a device has the device id "" until the first device takes it.
//
// What waits is a row with a time, due_at, found by a partial index: a device to be looked at, a push whose audience is to
// be looked up. A claimed device has an owner, the node that has it in hand, and due_at is the end of that node's lease;
// whoever finds it due later takes it over. Deliveries have no loop of their own: a device is due when the first of its
// deliveries is.
//
//	accept ──▶ pushes, deliveries ──▶ devices.due_at ──▶ claim ──▶ step ──▶ deliveries, devices
//	              │ tags, all, deliver_at                              ▲
//	              └──▶ pushes.due_at ──▶ expand, in chunks ────────────┘
//
// # Writing
//
// All writes go through one writer per process. It gathers what callers hand over into one transaction (group commit) and
// answers after the commit is flushed; see writer.go. What a batch reads and writes of one kind is one statement; see
// fold.go. Whoever writes a delivery holds the lock of its device's row, or of its user's row while it has no device; on
// SQLite the one writing connection is that lock.
//
// # Time
//
// Times are stored as microseconds in UTC. A row without a time has NULL. Times given by callers are cut to microseconds.
package store
