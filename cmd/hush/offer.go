package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/push"
)

// offerWait is how long a shell waits for what the server has to offer.
const offerWait = time.Second

// lister asks the server for what there is, with as much of each as tells it apart from the others.
type lister func(ctx context.Context, r *remote) ([]cobra.Completion, error)

// offer completes from the server that flags and environment name. Whatever keeps it from answering in time leaves the shell
// with nothing to offer, and is not told: somebody is in the middle of a line.
func (r *remote) offer(inApp bool, list lister) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		r.tries = 1
		if r.dial(inApp) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), offerWait)
		defer cancel()
		all, _ := list(ctx, r)
		var fitting []cobra.Completion
		for _, c := range all {
			if strings.HasPrefix(c, begun) {
				fitting = append(fitting, c)
			}
		}
		return fitting, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// offerArgument completes the one argument of cmd.
func (r *remote) offerArgument(cmd *cobra.Command, inApp bool, list lister) {
	offer := r.offer(inApp, list)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return offer(cmd, args, begun)
	}
}

// offerFlag completes the value of a flag of cmd.
func (r *remote) offerFlag(cmd *cobra.Command, flag string, inApp bool, list lister) {
	// It fails only for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc(flag, r.offer(inApp, list))
}

// offerAudience completes --to, whose values begin with what they are.
func offerAudience(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{"user:\ta user's devices", "device:\tone device", "tag:\tusers with a tag", "all\tevery device of the app"},
		cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveKeepOrder
}

// offered returns one of what there is, with what tells it apart. Neither comes into the shell with more than one line.
func offered(name string, about ...string) cobra.Completion {
	var words []string
	for _, a := range about {
		if a != "" {
			words = append(words, a)
		}
	}
	return cobra.CompletionWithDesc(clean(name), clean(strings.Join(words, ", ")))
}

// offeredPage is as many as one answer has.
var offeredPage = client.Page{Limit: 1000}

func appNames(ctx context.Context, r *remote) ([]cobra.Completion, error) {
	apps, err := r.Apps(ctx, offeredPage)
	var all []cobra.Completion
	for _, a := range apps.Apps {
		all = append(all, offered(a.App))
	}
	return all, err
}

func resourceNames(ctx context.Context, r *remote) ([]cobra.Completion, error) {
	resources, err := r.Resources(ctx, r.app, offeredPage)
	var all []cobra.Completion
	for _, s := range resources.Resources {
		apns, fcm := "", ""
		if s.APNs != nil {
			apns = string(push.APNs)
		}
		if s.FCM != nil {
			fcm = string(push.FCM)
		}
		all = append(all, offered(s.ResourceID, apns, fcm))
	}
	return all, err
}

func keyIDs(ctx context.Context, r *remote) ([]cobra.Completion, error) {
	keys, err := r.Keys(ctx, r.app, offeredPage)
	var all []cobra.Completion
	for _, k := range keys.Keys {
		all = append(all, offered(k.KeyID, string(k.Role), k.Name))
	}
	return all, err
}

func signingKeyIDs(ctx context.Context, r *remote) ([]cobra.Completion, error) {
	keys, err := r.SigningKeys(ctx, r.app, offeredPage)
	var all []cobra.Completion
	for _, k := range keys.SigningKeys {
		all = append(all, offered(k.KID, string(k.Alg), k.Name))
	}
	return all, err
}

// recentlySent is how many recent ones are worth reading through.
const recentlySent = 20

// recentPushes returns the most recent pushes, newest first, since their ids say nothing to people.
func recentPushes(ctx context.Context, r *remote) ([]cobra.Completion, error) {
	pushes, err := r.Pushes(ctx, r.app, client.PushFilter{}, client.Page{Limit: recentlySent})
	var all []cobra.Completion
	for _, p := range pushes.Pushes {
		all = append(all, offered(p.PushID, p.ResourceID, terminal.Moment(p.AcceptedAt)))
	}
	return all, err
}
