// Package provider holds what the rooms of all providers have in common above HTTP/2: the credentials in use, a wake filled
// and sealed, what it means that somebody else answered, or nobody, what of it may be told, and the log of an app's troubles
// with a provider.
package provider
