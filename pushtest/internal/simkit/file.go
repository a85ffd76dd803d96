package simkit

import (
	"errors"
	"net/http"
	"strconv"
)

// File is something that a sender needs and that a simulator can hand out over the control API as it would write it to disk.
type File struct {
	Path, Type, Summary string
	Content             func() ([]byte, error) // a *Problem as it is, other errors as 500
}

// HandleFile adds a route that gives out a file as it is.
func (c *Control) HandleFile(f File) {
	c.paths[f.Path] = map[string]operation{http.MethodGet: {
		Summary: f.Summary,
		Responses: map[string]response{
			"200": {http.StatusText(http.StatusOK), map[string]content{f.Type: {&Schema{Type: String}}}},
			"404": {"There is none to give out.", problemContent()},
		},
	}}
	c.mux.HandleFunc(f.Path, c.wrongMethod(f.Path))
	c.mux.HandleFunc("GET "+f.Path, func(w http.ResponseWriter, _ *http.Request) {
		b, err := f.Content()
		if err != nil {
			p := &Problem{Status: http.StatusInternalServerError, Code: "internal", Detail: err.Error()}
			errors.As(err, &p)
			writeProblem(w, p)
			return
		}
		w.Header().Set("Content-Type", f.Type)
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		w.Write(b) //nolint:errcheck // the client has gone
	})
}

// CAFile gives out the certificate that clients must trust, for senders that share no directory with the simulator.
func CAFile(ca *CA) File {
	return File{"/_sim/ca.pem", "application/x-pem-file", "The certificate to trust, as --cert-dir writes it.",
		func() ([]byte, error) { return ca.PEM(), nil }}
}
