// Package store keeps everything that Hush must not forget in SQL: in SQLite in the data directory, or in PostgreSQL. It runs
// the queries of the other rooms and decides nothing itself: rules come from package push, or as a function that the caller
// passes.
//
// # The schema's idea
//
// A push is one row of pushes, with its payload. A delivery is one push for one device: a row of deliveries, with its timeline.
// A device is one row of devices, and one of device_state with its wake in flight and the times of its last wakes. A delivery
// for a user without a device has the device id "" until the user's first device is registered.
//
// Work that waits is a row with a time in due_at, found by a partial index: a device to look at, or a push whose audience is to
// be resolved. A claimed device has an owner, the node that works on it, and its due_at is the end of that node's lease. Any
// node may claim it after that. Deliveries have no loop of their own: a device is due when the first of its deliveries is.
//
//	accept ──▶ pushes, deliveries ──▶ devices.due_at ──▶ claim ──▶ step ──▶ deliveries, devices
//	              │ tags, all, deliver_at                              ▲
//	              └──▶ pushes.due_at ──▶ expand, in chunks ────────────┘
//
// # Writing
//
// All writes go through one writer per process (writer.go). It runs the operations of many callers in one transaction (group
// commit), and each caller returns once that commit is flushed. A batch runs one statement for all of its rows of a kind
// (fold.go). A transaction that writes a delivery holds the lock of its device's row, or of its user's row while it has no
// device. On SQLite, the single writing connection serves as that lock.
//
// # Time
//
// Times are stored in microseconds since the Unix epoch, in UTC; NULL is no time. Times from callers are truncated to
// microseconds.
package store
