// Package rest provides JSON over HTTP for all of Hush: strict JSON, typed routes, problems (RFC 9457), and the OpenAPI 3.1
// document, which it derives from the routes and their types. It knows nothing of what the routes are about.
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
// In the handler, e.Input.Check returns the faults of the parameters and Strict.Check, given e.Input.Body, those of the body,
// each with its location (query.dry, body.name). e.Input.Fill then fills a renaming, and the handler's Answer sends itself.
// Authorization, the limit of a body's size and the look of a refusal are up to the caller.
package rest
