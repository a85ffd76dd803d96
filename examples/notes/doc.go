// Package notes is the example: an app that keeps a person's notes on their phone up to date by silent push, and the
// backend that it belongs to.
//
//	backend   keeps each user's notes, with a cursor that grows with every change; logs users in; gives their apps user
//	          tokens of Hush; and, when a note changes, sends a push with the new cursor (backend.go, sender.go)
//	app       embeds package sdk; its handlers fetch what changed since their cursor (app.go, handlers.go)
//	phone     runs the app. A simulated one talks to it over standard input and output, see package phoneline; on a real
//	          phone the system's hooks make the same calls (process.go)
//
// Everything that must survive the process is in one directory (home.go), so that a process that Android has just started
// for a push needs nothing else. README.md says how to run all of it.
package notes
