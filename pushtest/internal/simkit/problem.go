package simkit

import (
	"encoding/json"
	"net/http"
	"strings"
)

// FieldError says what is wrong with one field of a control request.
type FieldError struct {
	Location string `json:"location" doc:"Such as body.match.token, path.token or query.cursor."`
	Code     string `json:"code" doc:"unknown_field, required, wrong_type, bad_value, one_of, out_of_range or bad_json."`
	Message  string `json:"message" doc:"What is wrong, and what would be right."`
}

// Problem is a refusal of the control API, as RFC 9457 writes it. It is an error, so that handlers return it.
type Problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Code   string       `json:"code" doc:"invalid, not_found, method_not_allowed or body_too_large."`
	Detail string       `json:"detail"`
	Errors []FieldError `json:"errors,omitempty"`
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// Invalid is the 422 that names the fields at fault.
func Invalid(errs ...FieldError) *Problem {
	parts := make([]string, len(errs))
	for i, e := range errs {
		parts[i] = e.Location + " " + e.Message
	}
	return &Problem{Status: http.StatusUnprocessableEntity, Code: "invalid", Detail: strings.Join(parts, "; "), Errors: errs}
}

// InvalidField is Invalid for one field with a bad value.
func InvalidField(location, message string) *Problem {
	return Invalid(FieldError{Location: location, Code: "bad_value", Message: message})
}

// NotFound is the 404 for what a path names.
func NotFound(detail string) *Problem {
	return &Problem{Status: http.StatusNotFound, Code: "not_found", Detail: detail}
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	out := *p
	out.Type, out.Title = "about:blank", http.StatusText(p.Status)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(out) //nolint:errcheck // the client has gone
}
