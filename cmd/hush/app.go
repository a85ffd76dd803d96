package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/protocol"
)

func newApp(w world) *cobra.Command {
	return group("app", "Apps: tenants with their keys, credentials, resources and users",
		newAppPut(w), newAppGet(w), newAppList(w), newAppDelete(w))
}

func newAppPut(w world) *cobra.Command {
	cmd, r := w.client(&cobra.Command{
		Use: "put NAME", Short: "Make an app; an existing app is not changed", Args: wantArgs("NAME"),
		Example: "  hush app put notes",
	}, false, func(ctx context.Context, r *remote, args []string) error {
		ctx, cancel := r.within(ctx)
		defer cancel()
		app, created, err := r.PutApp(ctx, args[0])
		if err != nil {
			return err
		}
		if created {
			r.say("app %s made\n", app.App)
		} else {
			r.say("app %s was there\n", app.App)
		}
		return nil
	})
	argumentBecomes(cmd, "NAME", "path.app")
	r.offerArgument(cmd, false, appNames)
	return cmd
}

func newAppGet(w world) *cobra.Command {
	cmd, r := w.client(&cobra.Command{
		Use: "get NAME", Short: "Show an app", Args: wantArgs("NAME"),
		Example: "  hush app get notes --json",
	}, false, func(ctx context.Context, r *remote, args []string) error {
		app, err := one(ctx, r, func(ctx context.Context) (protocol.App, error) { return r.App(ctx, args[0]) })
		if err != nil {
			return err
		}
		r.show(appTable(app))
		return nil
	})
	r.offerArgument(cmd, false, appNames)
	argumentBecomes(cmd, "NAME", "path.app")
	return cmd
}

func newAppList(w world) *cobra.Command {
	cmd, r := w.client(&cobra.Command{
		Use: "list", Short: "List all apps", Args: noArgs,
		Example: "  hush app list",
	}, false, func(ctx context.Context, r *remote, _ []string) error {
		var apps []protocol.App
		err := r.pages(ctx, func(ctx context.Context, page client.Page) (string, error) {
			answer, err := r.Apps(ctx, page)
			apps = append(apps, answer.Apps...)
			return answer.Cursor, err
		})
		if err != nil {
			return err
		}
		r.showList(appTable(apps...), "no apps; make one with: hush app put NAME")
		return nil
	})
	r.addPageTo(cmd)
	return cmd
}

func newAppDelete(w world) *cobra.Command {
	var yes bool
	cmd, r := w.client(&cobra.Command{
		Use: "delete NAME", Short: "Delete an app with everything that belongs to it", Args: wantArgs("NAME"),
		Long: `Delete an app with everything that belongs to it: keys, credentials, resources, users, devices and pushes. They cannot be
restored, so the command asks first. --yes confirms; without --yes and without a terminal the command deletes nothing.

Exit status: 1 also if the answer is no, 2 also if nobody can be asked.`,
		Example: "  hush app delete notes\n  hush app delete notes --yes",
	}, false, func(ctx context.Context, r *remote, args []string) error {
		if !yes {
			if err := sureToDelete(ctx, r, args[0]); err != nil {
				return err
			}
		}
		ctx, cancel := r.within(ctx)
		defer cancel()
		if err := r.DeleteApp(ctx, args[0]); err != nil {
			return err
		}
		r.say("app %s deleted\n", args[0])
		return nil
	})
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	r.offerArgument(cmd, false, appNames)
	argumentBecomes(cmd, "NAME", "path.app")
	return cmd
}

func appTable(apps ...protocol.App) *table {
	t := newTable("APP", "MADE")
	for _, a := range apps {
		t.add(a.App, terminal.Moment(a.CreatedAt))
	}
	return t
}
