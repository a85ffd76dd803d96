package simkit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

// Mount offers another control API whole below a folder of this one: its /_sim/x is found at /_sim/folder/x here, and stands
// in this one's description. The other must have all its routes by then.
func (c *Control) Mount(folder string, other *Control) {
	prefix := "/_sim/" + folder
	for path, methods := range other.paths {
		c.paths[prefix+strings.TrimPrefix(path, "/_sim")] = methods
	}
	c.mux.HandleFunc(prefix+"/", func(w http.ResponseWriter, req *http.Request) {
		req = req.Clone(req.Context())
		u := *req.URL
		u.Path, u.RawPath = "/_sim"+strings.TrimPrefix(u.Path, prefix), cutRaw(&u, prefix)
		req.URL = &u
		other.ServeHTTP(w, req)
	})
}

// cutRaw is the escaped path below the prefix, for tokens with a %2F in them; "" where Path says all.
func cutRaw(u *url.URL, prefix string) string {
	if u.RawPath == "" {
		return ""
	}
	return "/_sim" + strings.TrimPrefix(u.RawPath, prefix)
}

// Forward adds a route that another control API answers. to chooses which, by the request as this route has checked it; its
// error is the answer as that of any handler.
func Forward[In, Out any](c *Control, r Route, to func(*Call[In]) (*Control, error)) {
	if c.paths[r.Path] == nil {
		c.paths[r.Path] = map[string]operation{}
		c.mux.HandleFunc(r.Path, c.wrongMethod(r.Path))
	}
	c.paths[r.Path][r.Method] = describeRoute(r, reflect.TypeFor[In](), reflect.TypeFor[Out]())
	c.mux.HandleFunc(r.Method+" "+r.Path, func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(io.LimitReader(req.Body, maxControlBody+1))
		call := &Call[In]{Context: req.Context(), path: req.PathValue, query: req.URL.Query()}
		var other *Control
		switch {
		case err != nil:
			err = Invalid(FieldError{"body", "bad_json", "did not come whole"})
		case len(body) > maxControlBody:
			err = &Problem{Status: http.StatusRequestEntityTooLarge, Code: "body_too_large", Detail: fmt.Sprintf("a control body may have %d bytes", maxControlBody)}
		default:
			if call.Body, err = Decode[In](body); err == nil {
				other, err = to(call)
			}
		}
		if err != nil {
			p := &Problem{Status: http.StatusInternalServerError, Code: "internal", Detail: err.Error()}
			errors.As(err, &p)
			writeProblem(w, p)
			return
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		other.ServeHTTP(w, req)
	})
}
