// Package rest is how everything of Hush speaks JSON over HTTP: strict JSON, typed routes, problems (RFC 9457), and the OpenAPI 3.1
// document that is made of the routes and their types. It knows nothing of what is said.
//
// A route is declared by the types of its handler:
//
//	type renaming struct {
//		App  string `path:"app" doc:"the app's name" example:"notes"`
//		Dry  string `query:"dry" format:"yes-or-no"`
//		Body struct {
//			Name string `json:"name" minLength:"1" maxLength:"64" doc:"what it is called from now on"`
//		}
//	}
//	e := rest.Add[renaming, *rest.Answer[App]](document, rest.Route{ID: "rename", Method: "PUT", Path: "/apps/{app}", Summary: "Rename an app"})
//	mux.Handle(e.Method, e.Path, func(w http.ResponseWriter, r *http.Request) { … })
//
// In there e.Input.Check says all that is wrong with the parameters, Strict.Check with e.Input.Body what is wrong with the body, each at
// its place (query.dry, body.name), and e.Input.Fill fills a renaming; the handler's Answer sends itself. Who may ask, how much may be
// read and what a refusal looks like is up to the caller.
package rest
