package protocol

import "github.com/hushpush/hush/push"

// Warning is something the sender should know about an accepted push, such as a user never seen.
type Warning struct {
	Code push.WarningCode `json:"code"`
	User string           `json:"user,omitempty"`
}

// NewWarning returns a warning as the API shows it.
func NewWarning(w push.Warning) Warning { return Warning(w) }
