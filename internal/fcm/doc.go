// Package fcm wakes apps on Android phones through Firebase Cloud Messaging's HTTP v1 API: data messages only, never a
// notification.
//
// A wake's way: the app's service account is looked up (and kept for a short while), an OAuth access token of that account
// is taken or fetched, the data is filled with as many pushes as fit, and the answer is judged by the one table in
// answers.go. Facts are from Firebase's "ErrorCode" reference, "Understand throttling and quotas", "Best practices when
// sending FCM messages at scale", and Google's "Using OAuth 2.0 for Server to Server Applications".
package fcm
