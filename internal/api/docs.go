package api

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/swaggest/swgui/v5emb"
)

// docsPolicy restricts browsers to scripts and styles in files of this server: nothing injected into the page runs, such as a
// description in the document, and no other page can frame it. Swagger UI's own icons are data URLs.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docsFiles holds the page itself. The page that swgui generates has inline script and style, which the policy forbids.
//
//go:embed docspage
var docsFiles embed.FS

// docsPage serves the document in a copy of Swagger UI that is part of the program.
func docsPage() http.Handler {
	swagger := v5emb.New("Hush", "/openapi.json", "/docs/")
	own, err := fs.Sub(docsFiles, "docspage")
	if err != nil {
		panic(err) // cannot happen: the folder is compiled in
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
