package api

import (
	"context"
	"net/http"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// resourceStore stores the resources of apps.
type resourceStore interface {
	// PutResource stores or replaces a resource and makes the waiting devices of its app due; push.ErrNotFound if there is no
	// such app.
	PutResource(ctx context.Context, resource push.Resource) (created bool, err error)

	// Resource returns a resource, with every change whose call has returned. The result is shared: do not write to it.
	Resource(ctx context.Context, app, id string) (push.Resource, error)

	// Resources returns a page of an app's resources, by id.
	Resources(ctx context.Context, app, cursor string, limit int) (resources []push.Resource, next string, err error)

	// DeleteResource deletes a resource. Its open deliveries have no strategy then.
	DeleteResource(ctx context.Context, app, id string) error
}

type ResourcePath struct {
	AppPath
	ResourceID string `path:"resource_id" format:"resource-id" doc:"1 to 32 of [A-Za-z0-9_-]" example:"both"`
}

type putResourceInput struct {
	ResourcePath
	Body protocol.Resource
}

func (a *API) resourceRoutes() {
	const resources = "/v1/apps/{app}/resources"
	register(a, route{id: "listResources", method: http.MethodGet, path: resources, tag: chapterPolicy, needs: needsAdmin,
		summary: "List the resources", about: "Each as `getResource` has it, with `applies`."}, a.listResources)
	register(a, route{id: "putResource", audit: "resource.put", method: http.MethodPut, path: resources + "/{resource_id}", tag: chapterPolicy, needs: needsAdmin, also: http.StatusCreated,
		checks: true, refuse: refuseLoud,
		summary: "Store a resource", about: "An iOS strategy (apns), an FCM strategy, or both. What is not silent is refused (`not_silent`) with the cause.",
		example: protocol.Resource{
			APNs: &protocol.Strategy{TTL: "24h", Budget: &protocol.Budget{Wakes: 3, Per: "1h", Burst: 2}, Rewake: &protocol.Rewake{Times: 2, After: "30m"}},
			FCM:  &protocol.Strategy{TTL: "24h", Priority: "normal"},
		}}, a.putResource)
	register(a, route{id: "getResource", method: http.MethodGet, path: resources + "/{resource_id}", tag: chapterPolicy, needs: needsAdmin,
		summary: "Read a resource",
		about:   "As it was put; `applies` has every setting with its default filled in, and names those that are defaults."}, a.getResource)
	register(a, route{id: "deleteResource", audit: "resource.delete", method: http.MethodDelete, path: resources + "/{resource_id}", tag: chapterPolicy, needs: needsAdmin, status: http.StatusNoContent,
		summary: "Delete a resource"}, a.deleteResource)
}

// refuseLoud refuses a field that has no place in a resource, because it would make a push visible or audible.
func refuseLoud(location, name string) *rest.Fault {
	why := push.NotSilent(name)
	if location == "body.apns.priority" {
		why = "Apple takes background pushes at priority 5 only, so Hush always sends 5"
	}
	if why == "" {
		return nil
	}
	return &rest.Fault{Location: location, Code: rest.Code(push.CodeNotSilent), Message: "is refused: " + why + "; leave it out"}
}

func (a *API) putResource(ctx context.Context, c *call, in *putResourceInput) (*rest.Answer[protocol.Resource], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	if b := in.Body.ResourceID; b != "" && b != in.ResourceID {
		c.faults.add("body.resource_id", push.CodeBadValue, "is %s, but the path says %s; want the same, or leave it out", rest.Quoted(b), rest.Quoted(in.ResourceID))
	}
	resource := push.Resource{
		App: in.App, ID: in.ResourceID, ClientSend: in.Body.ClientSend,
		APNs: strategyOf(&c.faults, "body.apns", in.Body.APNs), FCM: strategyOf(&c.faults, "body.fcm", in.Body.FCM),
	}
	// A strategy of the wrong type has been reported as that; do not also report it as missing.
	if resource.APNs != nil || resource.FCM != nil || !c.faults.has("body.fcm") {
		if err := c.faults.addFrom("body.", resource.Check()); err != nil {
			return nil, err
		}
	}
	if err := c.faults.err(); err != nil {
		return nil, err
	}
	isNew, err := a.Store.PutResource(ctx, resource)
	if err != nil {
		return nil, missing(err, "app", in.App)
	}
	return rest.NewAnswer(created(isNew), resourceBody(resource)), nil
}

// strategyOf reads a strategy's durations; push.Resource.Check decides which are allowed.
func strategyOf(f *faults, at string, b *protocol.Strategy) *push.Strategy {
	if b == nil {
		return nil
	}
	s := &push.Strategy{TTL: durationAt(f, at+".ttl", b.TTL), Priority: b.Priority, CollapseKey: b.CollapseKey}
	checkCollapseKey(f, at+".collapse_key", b.CollapseKey)
	if b.Budget != nil {
		s.Budget = push.Budget{Wakes: b.Budget.Wakes, Burst: b.Budget.Burst}
		if per := durationAt(f, at+".budget.per", b.Budget.Per); per != nil {
			s.Budget.Per = *per
		}
		if s.Budget == (push.Budget{}) {
			f.add(at+".budget.wakes", push.CodeOutOfRange, "is 0; want 1 to %d", push.MaxWakes)
		}
	}
	if b.Rewake != nil {
		s.Rewake = push.Rewake{Times: b.Rewake.Times}
		if after := durationAt(f, at+".rewake.after", b.Rewake.After); after != nil {
			s.Rewake.After = *after
		}
		if s.Rewake == (push.Rewake{}) {
			f.add(at+".rewake.after", push.CodeOutOfRange, "is 0s; want %s to %s", push.MinRewake, push.MaxTTL)
		}
	}
	return s
}

func resourceBody(r push.Resource) protocol.Resource {
	return protocol.Resource{ResourceID: r.ID, APNs: strategyBody(r.APNs), FCM: strategyBody(r.FCM), ClientSend: r.ClientSend}
}

// appliedBody returns a resource as it was stored, and as it applies.
func appliedBody(r push.Resource) protocol.Resource {
	body := resourceBody(r)
	body.Applies = appliesBody(r)
	return body
}

// strategyBody returns a strategy as it was stored, without what was left to its default.
func strategyBody(s *push.Strategy) *protocol.Strategy {
	if s == nil {
		return nil
	}
	b := &protocol.Strategy{Priority: s.Priority, CollapseKey: s.CollapseKey}
	if s.TTL != nil {
		b.TTL = s.TTL.String()
	}
	if s.Budget != (push.Budget{}) {
		b.Budget = &protocol.Budget{Wakes: s.Budget.Wakes, Per: s.Budget.Per.String(), Burst: s.Budget.Burst}
	}
	if s.Rewake != (push.Rewake{}) {
		b.Rewake = &protocol.Rewake{Times: s.Rewake.Times, After: s.Rewake.After.String()}
	}
	return b
}

func (a *API) listResources(ctx context.Context, c *call, in *appPage) (*rest.Answer[protocol.Resources], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	resources, next, err := a.Store.Resources(ctx, in.App, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return rest.NewAnswer(http.StatusOK, protocol.Resources{Resources: listOf(resources, appliedBody), Cursor: next}), nil
}

func (a *API) getResource(ctx context.Context, c *call, in *ResourcePath) (*rest.Answer[protocol.Resource], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	resource, err := a.Store.Resource(ctx, in.App, in.ResourceID)
	if err != nil {
		return nil, missing(err, "resource", in.ResourceID)
	}
	return rest.NewAnswer(http.StatusOK, appliedBody(resource)), nil
}

func (a *API) deleteResource(ctx context.Context, c *call, in *ResourcePath) (*rest.None, error) {
	if err := a.Store.DeleteResource(ctx, in.App, in.ResourceID); err != nil {
		return nil, missing(err, "resource", in.ResourceID)
	}
	return &rest.None{}, nil
}
