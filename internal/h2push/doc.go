// Package h2push keeps a pool of few long-lived HTTP/2 connections to one host, each carrying many small requests. It knows
// neither wakes nor providers; of package push it uses the words for failures.
//
// It speaks HTTP/2 by frame (golang.org/x/net/http2's Framer), not through net/http's Transport, because a push sender
// needs what the Transport hides: the JSON reason of a GOAWAY, which requests a dying connection has certainly not
// processed, and how many streams a fresh connection takes. Requests and answers are small and held in memory whole.
//
// The life of a connection: dialled when requests wait and no connection has room; where [Config.Proves] is set, one
// request at a time until an answer proves it; then as many as the peer's SETTINGS allow; after a GOAWAY no new ones,
// and closed when its last answer has come. See [Error] for what is known of a request that brought no answer.
package h2push
