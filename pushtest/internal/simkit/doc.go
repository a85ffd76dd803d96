// Package simkit is what the provider simulators have in common and no provider has of its own: a clock that can be
// advanced, a certificate authority, faults by script, the ledger of requests, the table of rules with its switches, and
// the plain-HTTP control API with its OpenAPI description.
//
// A simulator makes one of each, asks Faults.Match at the start of every request, writes what became of it into the Ledger,
// and mounts its own token body on the Control with TokenRoutes and CommonRoutes:
//
//	request ─▶ Faults.Match ─▶ the provider's rules ─▶ Ledger
//	control ─▶ Control ─▶ tokens, faults, clock, reset
package simkit
