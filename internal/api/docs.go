package api

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/swaggest/swgui/v5emb"
)

// docsPolicy makes browsers take scripts and styles as files of this server alone: nothing that got into the page runs, as a
// description in the document, and nobody frames it. Swagger UI's own icons are data.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docsFiles are the page's own: the one that swgui makes has its script and style inline, which the policy forbids.
//
//go:embed docspage
var docsFiles embed.FS

// docsPage shows the document with a copy of Swagger UI that is part of the program.
func docsPage() http.Handler {
	swagger := v5emb.New("Hush", "/openapi.json", "/docs/")
	own, err := fs.Sub(docsFiles, "docspage")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	files := http.StripPrefix("/docs/", http.FileServerFS(own))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", docsPolicy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		switch r.URL.Path {
		case "/docs", "/docs/":
			http.ServeFileFS(w, r, own, "index.html")
		case "/docs/page.js", "/docs/page.css":
			files.ServeHTTP(w, r)
		default:
			swagger.ServeHTTP(w, r)
		}
	})
}
