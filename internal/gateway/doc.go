// Package gateway keeps the devices' sessions: one WebSocket per device, over which pushes go to apps in the foreground and
// receipts come back.
//
// The life of a session:
//
//	GET /v1/connect   credential and user token are checked; a refusal is an HTTP problem, before the upgrade
//	hello             the first frame; the device's previous session is closed with CloseReplaced
//	push, receipts    in both directions; the server pings at the heartbeat's interval
//	close             with a code of protocol that says whether to come back
//
// An idle session costs about 7 KB: one goroutine that reads (4 KiB of stack), the library's connection, a read buffer of 16
// bytes, and 200 bytes of state. A second goroutine writes while there is something to write. A third handles the device's
// frames while there are some, so that pings are answered however slow the store is. Heartbeats share one timer. Every frame
// leaves through the session's queue, which is bounded: a device that reads too slowly is dropped with CloseSlow and catches
// up by its inbox.
package gateway
