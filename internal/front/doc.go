// Package front accepts the API's connections: it decides which connections there may be, and determines their clients'
// addresses.
//
// A connection is a stranger until a request on it has shown a valid secret. Each address may have only a limited number of
// strangers, and strangers are closed first when there is no room:
//
//	accepted ─▶ stranger ─▶ known ─▶ closed
//	               │          └─(idle, and few connections are left)─▶ closed
//	               └─(no room)─▶ closed, the oldest of the address that has most strangers
//
// Front believes a client's address only from a proxy that the operator trusts.
package front
