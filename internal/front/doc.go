// Package front stands before the API: it decides which connections there may be, and whose they are.
//
// A connection is a stranger until a request on it has shown a good secret. Strangers are few for each address, and the first
// to go when there is no room:
//
//	accepted ─▶ stranger ─▶ known ─▶ closed
//	               │          └─(idle, and connections are short)─▶ closed
//	               └─(no room)─▶ closed, the oldest of the address that has most
//
// What a proxy forwards is believed of those that the operator trusts, and of nobody else.
package front
