package push

import "strings"

// Code is the stable name of what is wrong with a field.
type Code string

// The codes of field errors.
const (
	CodeUnknownField    Code = "unknown_field"
	CodeRequired        Code = "required"
	CodeWrongType       Code = "wrong_type"
	CodeBadValue        Code = "bad_value"
	CodeOneOf           Code = "one_of"
	CodeBadID           Code = "bad_id"
	CodeTooMany         Code = "too_many"
	CodeOutOfRange      Code = "out_of_range"
	CodeUnknownResource Code = "unknown_resource"
	CodeUnknownDevice   Code = "unknown_device"
	CodePayloadTooLarge Code = "payload_too_large"
	CodeNotSilent       Code = "not_silent"
	CodeBadCredential   Code = "bad_credential"
)

// Codes lists what can be wrong with a field.
func Codes() []Code {
	return []Code{
		CodeUnknownField, CodeRequired, CodeWrongType, CodeBadValue, CodeOneOf, CodeBadID, CodeTooMany, CodeOutOfRange,
		CodeUnknownResource, CodeUnknownDevice, CodePayloadTooLarge, CodeNotSilent, CodeBadCredential,
	}
}

// FieldError says which field is at fault, what is wrong with it and what would be right.
type FieldError struct {
	Location string // relative to the body, such as to.users[3]; the API puts "body." before it
	Code     Code
	Message  string
}

// FieldErrors are all the faults that could be found at once.
type FieldErrors []FieldError

// Error lists them.
func (e FieldErrors) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Location + ": " + f.Message
	}
	return strings.Join(parts, "; ")
}

// Add appends a fault.
func (e *FieldErrors) Add(location string, code Code, message string) {
	*e = append(*e, FieldError{Location: location, Code: code, Message: message})
}

// Err returns the errors, or nil if there are none.
func (e FieldErrors) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}
