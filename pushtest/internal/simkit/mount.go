package simkit

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/hushpush/hush/internal/rest"
)

// Mount offers another control API whole below a folder of this one: its /_sim/x is found at /_sim/folder/x here, and stands
// in this one's document. The other must have all its routes by then.
func (c *Control) Mount(folder string, other *Control) {
	prefix := "/_sim/" + folder
	for path, operations := range other.document.Paths {
		c.document.Paths[prefix+strings.TrimPrefix(path, "/_sim")] = operations
	}
	c.mux.Below(prefix+"/", http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		req = req.Clone(req.Context())
		u := *req.URL
		u.Path, u.RawPath = "/_sim"+strings.TrimPrefix(u.Path, prefix), cutRaw(&u, prefix)
		req.URL = &u
		other.ServeHTTP(w, req)
	}))
}

// cutRaw returns the escaped path below the prefix, for tokens with a %2F in them; "" where Path says all.
func cutRaw(u *url.URL, prefix string) string {
	if u.RawPath == "" {
		return ""
	}
	return "/_sim" + strings.TrimPrefix(u.RawPath, prefix)
}

// Forward adds a route that another control API answers, with an O. to chooses which, by the request as this route has checked it; its
// error is the answer as that of any handler.
func Forward[I any, O rest.Reply](c *Control, r rest.Route, to func(context.Context, *I) (*Control, error)) {
	e := add[I, O](c, r)
	c.mux.Handle(r.Method, r.Path, func(w http.ResponseWriter, req *http.Request) {
		in := new(I)
		body, err := read(e.Input, req, in)
		if err != nil {
			refuse(w, err)
			return
		}
		other, err := to(req.Context(), in)
		if err != nil {
			refuse(w, err)
			return
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		other.ServeHTTP(w, req)
	})
}
