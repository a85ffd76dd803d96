// Package apns wakes apps on iPhones through Apple's push service: background pushes only, at priority 5, with
// content-available and nothing else in aps.
//
// A wake's way: the app's credential is looked up (and kept for a short while), its sender has one pool of connections
// per APNs environment, the body is filled with as many pushes as fit, and the answer is judged by the one table in
// answers.go. Facts are from Apple's "Sending notification requests to APNs", "Handling notification responses from APNs"
// and "Establishing a token-based connection to APNs".
package apns
