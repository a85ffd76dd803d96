package rest

import (
	"net/http"
	"strings"
)

// ProblemType is the media type of errors (RFC 9457).
const ProblemType = "application/problem+json"

// Problem is a refusal (RFC 9457), for those who have no type of their own for it. It is an error, so that handlers return it.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code" doc:"the stable name of the problem, for programs to branch on"`
	Detail string `json:"detail"`
	Errors Faults `json:"errors,omitempty"`
}

// NewProblem makes a problem of the type about:blank, whose title is the status.
func NewProblem(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// Error is the code and the detail.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// Invalid is the 422 for a request whose parameters or body are at fault.
func Invalid(faults ...Fault) *Problem {
	parts := make([]string, len(faults))
	for i, f := range faults {
		parts[i] = f.Location + " " + f.Message
	}
	p := NewProblem(http.StatusUnprocessableEntity, "invalid", strings.Join(parts, "; "))
	p.Errors = faults
	return p
}

// InvalidField is Invalid for one field with a bad value.
func InvalidField(location, message string) *Problem {
	return Invalid(Fault{location, BadValue, message})
}

// NotFound is the 404 for what a path names.
func NotFound(detail string) *Problem { return NewProblem(http.StatusNotFound, "not_found", detail) }

// WriteProblem answers with a problem: a *Problem, or another type that has the members of one. A writer that is a ProblemRecorder
// hears of its code.
func WriteProblem(w http.ResponseWriter, status int, code string, problem any) {
	if n, ok := w.(ProblemRecorder); ok {
		n.RecordProblem(code)
	}
	WriteJSON(w, status, ProblemType, problem)
}

// ProblemRecorder is a writer that keeps records of what was refused.
type ProblemRecorder interface{ RecordProblem(code string) }
