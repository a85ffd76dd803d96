// Package demo shows the whole of Hush at work on one machine: a server on embedded defaults, simulators of APNs and FCM,
// the notes app (examples/notes) with its backend, and a phone for each state that an app can be in. Each phone gets one
// push, sent by the notes' backend through the public HTTP API, over real TLS and HTTP/2 to the simulators, into a real
// process that embeds the SDK.
//
//	rows.go      which phones there are, and how their pushes are to arrive
//	world.go     what runs, and how it ends
//	scene.go     one phone: into its state, one push, what became of it
//	observe.go   what is read off the timeline, the phone and the app; never off the table in rows.go
//	deadsocket.go   a network path that goes silent
//	table.go, timeline.go, next.go   what a person reads, in lines that fit a terminal (painter.go)
//	tryfiles.go  what the lines to paste call
package demo
