package api

import (
	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// newSchemas returns schemas in which each closed set of words is a component.
func newSchemas() *rest.Schemas { return rest.NewSchemas(closedSets...) }

// closedSets lists the closed sets of words that appear in bodies.
var closedSets = []rest.Set{
	rest.Closed(push.States(), "State", "Where a delivery stands. handled, expired, cancelled, superseded and undeliverable are final."),
	rest.Closed(push.Reasons(), "Reason", "Why a delivery is in its state; empty where the state says it all."),
	rest.Closed(push.EventNames(), "EventName", "What happened: a delivery came into the state of that name, or what the rest says. accepted, nobody, began and missed are told to followers of an app only."),
	rest.Closed(push.Platforms(), "Platform", "A phone's operating system."),
	rest.Closed(push.Providers(), "Provider", "A service that can wake an app on a phone."),
	rest.Closed(push.Environments(), "Environment", "The environment of APNs that a device token belongs to."),
	rest.Closed(push.Paths(), "Path", "The way on which a push reached the app."),
	rest.Closed(push.Modes(), "Mode", "How a push may be delivered: auto is by session, else by a wake, else out of the inbox; session is only to apps in the foreground now; wake wakes even beside a session."),
	rest.Closed(push.Priorities(), "Priority", "FCM's priority. normal waits in Doze; high is taken away by FCM from apps that show nothing for it."),
	rest.Closed(push.TokenStates(), "TokenState", "Whether a device can be woken by its provider: ok; missing, none was given; dead, the provider said so."),
	rest.Closed(push.AppStates(), "AppState", "What the app last said of itself."),
	rest.Closed(push.CredentialStates(), "CredentialState", "Whether the app can send through a device's provider."),
	rest.Closed(push.ProviderStates(), "ProviderState", "How an app does with a provider, worst first: nobody answers in its place, or somebody else does; wakes fail for want of a credential; the stored one is refused; held, the app's quota is used up; ok, it answered the last wake itself; untried, no wake since the process began or the credential was stored, or nobody waits any more since wakes failed."),
	rest.Closed(push.BudgetLimits(), "BudgetLimit", "A limit of a budget: its wakes in its time, or its burst in the time that each of them has."),
	rest.Closed(push.Actions(), "Action", "What would be done with a push on a device now."),
	rest.Closed(push.Results(), "Result", "What the app's handler returned."),
	rest.Closed(push.Faults(), "Fault", "Whose a provider's refusal is: the token's (suspect: perhaps), our credentials', this push's, our pace's, the app's quota's, or the provider's."),
	rest.Closed(push.Failures(), "Failure", "What kept a wake from getting its provider's answer."),
	rest.Closed(push.ReceiptEvents(), "ReceiptEvent", "What a device says happened: it has the push, its handler returned, or its handler did not return three times in a row."),
	rest.Closed(push.ReceiptStatuses(), "ReceiptStatus", "What became of a receipt: accepted, also when late or repeated; gone, the push is unknown or another device's; invalid, a value in it is wrong."),
	rest.Closed(push.WarningCodes(), "WarningCode", "What the sender of an accepted push should know."),
	rest.Closed(push.KeyRoles(), "Role", "What a server key may do. admin includes send, which includes read."),
	rest.Closed(push.Algs(), "Alg", "How user tokens are signed (RFC 7518)."),
	rest.Closed(push.CredentialKinds(), "CredentialKind", "A signing key or a certificate of APNs, or a service account of FCM."),
	rest.Closed(push.Codes(), "FieldCode", "What is wrong with a field."),
	rest.Closed(protocol.ProblemCodes(), "ProblemCode", "The stable name of a problem, for programs to branch on."),
	rest.Closed(protocol.Makers(), "Maker", "Who made a signing key: app, or hush for one that signs the tokens that Hush is asked for."),
	rest.Closed(protocol.Healths(), "Health", "What is not well is a problem instead."),
}

// maybeNone lists the properties of answers that are a word of a closed set or empty.
var maybeNone = []struct{ schema, property string }{
	{"Delivery", "result"},   // empty until the handler has returned
	{"Delivery", "path"},     // empty until it is sent
	{"Decision", "provider"}, // empty for a user without a device
	{"Device", "app_state"},  // empty until the app reports it
}

// allowNone adds a second enum, which includes the empty word, for each set in maybeNone.
func allowNone(schemas *rest.Schemas) {
	for _, m := range maybeNone {
		properties := schemas.Refer(m.schema).Target().Properties
		was := properties[m.property]
		set := was.Target()
		ref := schemas.Component(was.Name()+"OrNone", &rest.Schema{
			Type: rest.String, Description: set.Description + " Empty for none.", Enum: append([]string{""}, set.Enum...),
		})
		ref.Description = was.Description
		properties[m.property] = ref
	}
}
