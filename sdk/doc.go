// Package sdk is what an app embeds to receive silent pushes from a Hush server.
//
// The life of a client, in the order in which an app calls it:
//
//	Open                          at the start of the process, with or without a network
//	OnThroughMessageReceived      and
//	SetBackgroundMessageHandler   as early as possible; what arrives before them waits
//	RegisterPush                  once the system gave the app its provider token
//	SetAppState(Foreground)       opens the session; SetAppState(Background) closes it
//	HandleRemoteNotification      the system's hook on iOS,
//	HandleRemoteMessage           on Android,
//	HandleDeletedMessages         and when FCM threw messages away
//	Logout                        the user leaves; Close: the process ends
//
// Config.Dir holds the device's identity, and belongs in no backup. Two phones that were restored from one backup share a
// device, and the last one to register gets its wakes. When the other one registers again, which an app does at each start at
// the latest, the server notices that a token returns which it had replaced; that phone then goes on as a new device, and both
// are reached.
//
// A push can come over the session, in a wake by APNs or FCM, or out of the inbox, and by several of them at once. The
// handler completes once per device for each: that it began, and its result, are on disk in Config.Dir before anybody is told.
// Only a handler that was killed before its result was on disk runs again; Message.ID makes it possible to be idempotent in
// that one gap. Handlers run one at a time within a process, oldest push first where the order is known.
//
// The inside of a client (its four parts, their states and locks, what survives the process) is described in docs/sdk.md of
// the repository: https://github.com/hushpush/hush/blob/main/docs/sdk.md.
package sdk
