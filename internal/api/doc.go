// Package api is Hush's HTTP API: its routes, who may use them, what is refused and how that is told, and the OpenAPI
// document, which is generated from the handlers' own types.
//
// A request passes, in this order: the router, which matches the escaped path; authorization, so that a stranger learns
// nothing, not even that its body is wrong; one walk over the body that finds what is no JSON and what does not fit the
// handler's type; the handler, which adds what only it can know, so that all faults are told at once; and the room that does
// the work. Every error becomes a problem in problemOf.
package api
