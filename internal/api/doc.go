// Package api is Hush's HTTP API: its routes, their authorization, their refusals, and the OpenAPI document, which is generated
// from the types of the handlers.
//
// A request passes, in this order: the router, which matches the escaped path; authorization, so that a stranger learns nothing,
// not even that the body is invalid; one walk over the body that finds invalid JSON and whatever does not fit the handler's type;
// the handler, which adds the faults that only it can find, so that all are reported at once; and the room that does the work.
// Every error becomes a problem in problemOf.
package api
