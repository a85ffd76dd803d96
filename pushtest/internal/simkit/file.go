package simkit

import (
	"net/http"
	"strconv"

	"github.com/hushpush/hush/internal/rest"
)

// File is something that a sender needs and that a simulator can hand out over the control API as it would write it to disk.
type File struct {
	Path, Type, Summary string
	Content             func() ([]byte, error) // a *rest.Problem as it is, other errors as 500
}

// HandleFile adds a route that gives out a file as it is.
func (c *Control) HandleFile(f File) {
	c.document.Put(http.MethodGet, f.Path, &rest.Operation{
		Summary: f.Summary,
		Responses: map[string]*rest.Response{
			"200": {Description: http.StatusText(http.StatusOK), Content: map[string]*rest.MediaType{f.Type: {Schema: &rest.Schema{Type: rest.String}}}},
			"404": {Description: "There is none to give out.", Content: rest.Problems(c.document.Components.Schemas.Refer("Problem"))},
		},
	})
	c.mux.Handle(http.MethodGet, f.Path, func(w http.ResponseWriter, _ *http.Request) {
		b, err := f.Content()
		if err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Content-Type", f.Type)
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		w.Write(b) //nolint:errcheck // the client has gone
	})
}

// CAFile returns the file of the certificate that clients must trust, for senders that share no directory with the simulator.
func CAFile(ca *CA) File {
	return File{"/_sim/ca.pem", "application/x-pem-file", "The certificate to trust, as --cert-dir writes it.",
		func() ([]byte, error) { return ca.PEM(), nil }}
}
