package rest

import (
	"net/http"
	"strings"
)

// ProblemType is the media type of errors (RFC 9457).
const ProblemType = "application/problem+json"

// Problem is a refusal (RFC 9457), for packages without a problem type of their own. It is an error, so that handlers can return
// it.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code" doc:"the stable name of the problem, for programs to branch on"`
	Detail string `json:"detail"`
	Errors Faults `json:"errors,omitempty"`
}

// NewProblem returns a problem of the type about:blank, titled with the text of its status.
func NewProblem(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// Error returns the code and the detail.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// Invalid returns the 422 for a request with invalid parameters or an invalid body.
func Invalid(faults ...Fault) *Problem {
	parts := make([]string, len(faults))
	for i, f := range faults {
		parts[i] = f.Location + " " + f.Message
	}
	p := NewProblem(http.StatusUnprocessableEntity, "invalid", strings.Join(parts, "; "))
	p.Errors = faults
	return p
}

// InvalidField returns Invalid for one field with a bad value.
func InvalidField(location, message string) *Problem {
	return Invalid(Fault{location, BadValue, message})
}

// NotFound returns the 404 for something that a path names.
func NotFound(detail string) *Problem { return NewProblem(http.StatusNotFound, "not_found", detail) }

// WriteProblem answers with a problem: a *Problem, or another type with the members of one. If the writer is a ProblemRecorder,
// it records the code.
func WriteProblem(w http.ResponseWriter, status int, code string, problem any) {
	if n, ok := w.(ProblemRecorder); ok {
		n.RecordProblem(code)
	}
	WriteJSON(w, status, ProblemType, problem)
}

// ProblemRecorder is a writer that records the codes of problems.
type ProblemRecorder interface{ RecordProblem(code string) }
