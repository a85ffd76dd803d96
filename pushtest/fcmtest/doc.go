// Package fcmtest is Firebase Cloud Messaging for tests: the HTTP v1 send endpoint and its OAuth server on one address, over
// real TLS with HTTP/2 and HTTP/1.1, and behind them what Google does with a message: storage, expiry, collapsing, pacing,
// the 100 that may wait, and tokens that die. Messages to apps on iOS are taken as far as FCM hands them on to APNs. Other
// people's senders work against it unchanged.
//
// In a Go test:
//
//	fcm := fcmtest.New(t)
//	fcm.Register(fcmtest.Token{Token: "abc:APA91b", Online: true, Deliver: func(m fcmtest.Message) { … }})
//	// point the sender at fcm.URL(), with fcm.ServiceAccountJSON() and fcm.CAPEM()
//
// The same as a process, for every language, is "hush sim fcm" (Start). The way of a request:
//
//	faults ─▶ path ─▶ access token ─▶ project, quota ─▶ JSON shape ─▶ field rules ─▶ device token ─▶ storage ─▶ phone
//
// What Google does, who says so and how certain that is stands beside the code that does it, one Rule each; [Rules] lists
// them. What nobody says is a switch ([Set]) whose default is the usual behaviour.
//
// Simulated time moves storage, expiry, pacing and quotas; how old an assertion or an access token is, is judged by real time.
package fcmtest
