package api

import (
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

const schemaPrefix = "#/components/schemas/"

// newRegistry makes schemas of Go types, in which each closed set of words is an enum by reference.
func newRegistry() huma.Registry {
	r := huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer)
	for _, set := range closedSets {
		r.RegisterTypeAlias(set.of, set.word)
	}
	return r
}

// closedSet is a named string type whose values are known.
type closedSet struct {
	of    reflect.Type
	word  reflect.Type // stands for it when schemas are made
	name  string       // in the document
	about string
	words []any
}

// closed makes a closed set of the list that lies beside the type's constants.
func closed[T ~string](words []T, name, about string) closedSet {
	set := closedSet{of: reflect.TypeFor[T](), word: reflect.TypeFor[word[T]](), name: name, about: about}
	for _, w := range words {
		set.words = append(set.words, string(w))
	}
	return set
}

// closedSets are all closed sets that bodies have.
var closedSets = []closedSet{
	closed(push.States(), "State", "Where a delivery stands. handled, expired, cancelled, superseded and undeliverable are final."),
	closed(push.Reasons(), "Reason", "Why a delivery is in its state; empty where the state says it all."),
	closed(push.EventNames(), "EventName", "What happened: a delivery came into the state of that name, or what the rest says. accepted, nobody, began and missed are told to followers of an app only."),
	closed(push.Platforms(), "Platform", "A phone's operating system."),
	closed(push.Providers(), "Provider", "A service that can wake an app on a phone."),
	closed(push.Environments(), "Environment", "The environment of APNs that a device token belongs to."),
	closed(push.Paths(), "Path", "The way on which a push reached the app."),
	closed(push.Modes(), "Mode", "How a push may be delivered: auto is by session, else by a wake, else out of the inbox; session is only to apps in the foreground now; wake wakes even beside a session."),
	closed(push.Priorities(), "Priority", "FCM's priority. normal waits in Doze; high is taken away by FCM from apps that show nothing for it."),
	closed(push.TokenStates(), "TokenState", "Whether a device can be woken by its provider: ok; missing, none was given; dead, the provider said so."),
	closed(push.AppStates(), "AppState", "What the app last said of itself."),
	closed(push.CredentialStates(), "CredentialState", "Whether the app can send through a device's provider."),
	closed(push.ProviderStates(), "ProviderState", "How an app does with a provider, worst first: nobody answers in its place, or somebody else does; wakes fail for want of a credential; the stored one is refused; held, the app's quota is used up; ok, it answered the last wake itself; untried, no wake since the process began or the credential was stored, or nobody waits any more since wakes failed."),
	closed(push.BudgetLimits(), "BudgetLimit", "A limit of a budget: its wakes in its time, or its burst in the time that each of them has."),
	closed(push.Actions(), "Action", "What would be done with a push on a device now."),
	closed(push.Results(), "Result", "What the app's handler returned."),
	closed(push.Faults(), "Fault", "Whose a provider's refusal is: the token's (suspect: perhaps), our credentials', this push's, our pace's, the app's quota's, or the provider's."),
	closed(push.Failures(), "Failure", "What kept a wake from getting its provider's answer."),
	closed(push.ReceiptEvents(), "ReceiptEvent", "What a device says happened: it has the push, its handler returned, or its handler did not return three times in a row."),
	closed(push.ReceiptStatuses(), "ReceiptStatus", "What became of a receipt: accepted, also when late or repeated; gone, the push is unknown or another device's; invalid, a value in it is wrong."),
	closed(push.WarningCodes(), "WarningCode", "What the sender of an accepted push should know."),
	closed(push.KeyRoles(), "Role", "What a server key may do. admin includes send, which includes read."),
	closed(push.Algs(), "Alg", "How user tokens are signed (RFC 7518)."),
	closed(push.CredentialKinds(), "CredentialKind", "A signing key or a certificate of APNs, or a service account of FCM."),
	closed(push.Codes(), "FieldCode", "What is wrong with a field."),
	closed(protocol.ProblemCodes(), "ProblemCode", "The stable name of a problem, for programs to branch on."),
	closed(protocol.Makers(), "Maker", "Who made a signing key: app, or hush for one that signs the tokens that Hush is asked for."),
	closed(protocol.Healths(), "Health", "What is not well is a problem instead."),
}

// word is T when schemas are made: a reference to its enum, which it adds to the document.
type word[T ~string] string

// Schema is the reference.
func (word[T]) Schema(r huma.Registry) *huma.Schema {
	i := slices.IndexFunc(closedSets, func(s closedSet) bool { return s.of == reflect.TypeFor[T]() })
	return enumRef(r, closedSets[i].name, closedSets[i].about, closedSets[i].words)
}

func enumRef(r huma.Registry, name, about string, words []any) *huma.Schema {
	r.Map()[name] = &huma.Schema{Type: huma.TypeString, Description: about, Enum: words}
	return &huma.Schema{Ref: schemaPrefix + name}
}

// maybeNone are the properties of answers that have a word of a closed set, or are empty.
var maybeNone = []struct{ schema, property string }{
	{"Delivery", "result"},   // until its handler has returned
	{"Delivery", "path"},     // until it is sent
	{"Decision", "provider"}, // of a user without a device
	{"Device", "app_state"},  // until the app says
}

// allowNone makes a second enum, with the empty word, of each that maybeNone needs.
func allowNone(r huma.Registry) {
	for _, m := range maybeNone {
		was := r.Map()[m.schema].Properties[m.property]
		set := r.SchemaFromRef(was.Ref)
		ref := enumRef(r, was.Ref[len(schemaPrefix):]+"OrNone", set.Description+" Empty for none.", append([]any{""}, set.Enum...))
		ref.Description = was.Description
		r.Map()[m.schema].Properties[m.property] = ref
	}
}

// nameKeys says of each map whose keys are words of a closed set that they are.
func nameKeys(r huma.Registry) {
	for name, schema := range r.Map() {
		of := r.TypeFromRef(schemaPrefix + name)
		if of == nil || of.Kind() != reflect.Struct {
			continue
		}
		for _, field := range reflect.VisibleFields(of) {
			if field.Type.Kind() != reflect.Map {
				continue
			}
			i := slices.IndexFunc(closedSets, func(s closedSet) bool { return s.of == field.Type.Key() })
			if i < 0 {
				continue
			}
			property, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			schema.Properties[property].Extensions = map[string]any{"propertyNames": &huma.Schema{Ref: schemaPrefix + closedSets[i].name}}
		}
	}
}
