// Package worldtest is a whole world to test a sender of silent pushes in: the simulators of APNs and FCM, phones on both of
// them, and one time for all. It is the code behind "hush sim world"; in a Go test, three lines give all of it:
//
//	world := worldtest.New(t, app)                     // app: phonetest.Command or phonetest.InProcess
//	phone := world.IOS(t, phonetest.Suspended)         // send to phone.Token() at world.APNs.URL()
//	world.WaitHandled(t, phone, 1)
//
// A test that fails prints what the providers and the phones saw.
package worldtest
