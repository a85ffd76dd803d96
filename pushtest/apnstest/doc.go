// Package apnstest is a simulator of APNs, Apple's push service: the HTTP/2 provider API with its checks, limits, provider
// tokens and certificates, and the storage behind it. It is for tests of senders, in Go with [New], in every language as
// "hush sim apns"; senders that work with Apple work with it unchanged.
//
//	apns := apnstest.New(t, apnstest.Topics("com.example.notes"))
//	apns.Register(apnstest.Token{Token: token, Topic: "com.example.notes", Online: true})
//	… point the sender at apns.URL(), trusting apns.Pool(), with apns.Key() …
//
// What Apple does, who says so and how certain that is stands beside the code that does it, one Rule each; [Rules] lists
// them. What nobody knows is a switch ([Set]) whose default is the usual behaviour.
//
// The way of a request:
//
//	h2sim ─▶ handler.go ─▶ faults ─▶ order.go: the checks ─▶ spool.go: deliver, store or discard ─▶ the phone's Deliver
//
// Simulated time moves storage, expiry, pacing and the 20-minute rule for provider tokens; how old a provider token is, is
// judged by real time. Broadcast channels are not simulated.
package apnstest
