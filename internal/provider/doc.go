// Package provider holds what the rooms of all providers have in common above HTTP/2: the credentials in use, a wake filled
// and sealed, the loop that sends it, the meaning of a stranger's answer or of none, what of it may be shown, and the log of an
// app's troubles with a provider.
package provider
