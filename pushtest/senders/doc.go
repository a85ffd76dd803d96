// Package senders tests the simulators with the senders that people use: sideshow/apns2 and firebase-admin for Go, unchanged but
// for the address and the certificate authority.
//
// It is a module of its own. Those senders bring some sixty modules along, which nobody who imports the SDK, the client or
// the test kit should have to choose versions of.
package senders
