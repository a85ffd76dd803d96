package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/internal/timeline"
	"github.com/hushpush/hush/protocol"
)

func newDevice(w world) *cobra.Command {
	return group("device", "Devices: installations of the app, and what waits for them",
		newDeviceRegister(w), newDeviceImport(w), newDeviceList(w), newDeviceGet(w), newDeviceWhy(w), newDeviceInbox(w), newDeviceDelete(w))
}

func newDeviceList(w world) *cobra.Command {
	var user string
	cmd, r := w.client(&cobra.Command{
		Use: "list", Short: "List a user's devices", Args: noArgs,
		Example: "  hush device list --app notes --user alice",
	}, true, func(ctx context.Context, r *remote, _ []string) error {
		if user == "" {
			return usagef("no user is given; want --user USER")
		}
		var all []protocol.Device
		err := r.pages(ctx, func(ctx context.Context, page client.Page) (string, error) {
			answer, err := r.Devices(ctx, r.app, user, page)
			all = append(all, answer.Devices...)
			return answer.Cursor, err
		})
		if err != nil {
			return err
		}
		r.showList(deviceTable(all...), "no devices of user "+user)
		return nil
	})
	cmd.Flags().StringVar(&user, "user", "", "whose")
	becomes(cmd, "user", "path.user")
	r.addPageTo(cmd)
	return cmd
}

func newDeviceGet(w world) *cobra.Command {
	cmd, _ := w.client(&cobra.Command{
		Use: "get DEVICE", Short: "Show a device", Args: wantArgs("DEVICE"),
		Example: "  hush device get --app notes DEVICE",
	}, true, func(ctx context.Context, r *remote, args []string) error {
		d, err := one(ctx, r, func(ctx context.Context) (protocol.Device, error) { return r.Device(ctx, r.app, args[0]) })
		if err != nil {
			return err
		}
		r.show(deviceTable(d))
		if d.Budget != nil {
			r.say("waiting (budget%s)\n", timeline.BudgetWait(d.Budget))
		}
		return nil
	})
	argumentBecomes(cmd, "DEVICE", "path.device")
	return cmd
}

func newDeviceInbox(w world) *cobra.Command {
	cmd, _ := w.client(&cobra.Command{
		Use: "inbox DEVICE", Short: "Show what waits for a device, oldest first", Args: wantArgs("DEVICE"),
		Example: "  hush device inbox --app notes DEVICE",
	}, true, func(ctx context.Context, r *remote, args []string) error {
		inbox, err := one(ctx, r, func(ctx context.Context) (protocol.Inbox, error) { return r.DeviceInbox(ctx, r.app, args[0]) })
		if err != nil {
			return err
		}
		t := newTable("PUSH", "RESOURCE", "ACCEPTED", "EXPIRES", "BYTES")
		for _, p := range inbox.Deliveries {
			t.add(p.PushID, p.ResourceID, terminal.Moment(p.AcceptedAt), terminal.Moment(p.ExpiresAt), fmt.Sprint(len(p.Payload)))
		}
		r.showList(t, "nothing waits for device "+args[0])
		if inbox.Open > 0 {
			r.say("%d open\n", inbox.Open)
		}
		return nil
	})
	argumentBecomes(cmd, "DEVICE", "path.device")
	return cmd
}

func newDeviceDelete(w world) *cobra.Command {
	cmd, _ := w.client(&cobra.Command{
		Use: "delete DEVICE", Short: "Unregister a device; what waits for it ends as undeliverable", Args: wantArgs("DEVICE"),
		Example: "  hush device delete --app notes DEVICE",
	}, true, func(ctx context.Context, r *remote, args []string) error {
		ctx, cancel := r.within(ctx)
		defer cancel()
		if err := r.DeleteDevice(ctx, r.app, args[0]); err != nil {
			return err
		}
		r.say("device %s deleted\n", args[0])
		return nil
	})
	argumentBecomes(cmd, "DEVICE", "path.device")
	return cmd
}

func deviceTable(devices ...protocol.Device) *table {
	t := newTable("DEVICE", "PLATFORM", "APP", "ENVIRONMENT", "TOKEN", "STATE", "GENERATION")
	for _, d := range devices {
		t.add(d.DeviceID, string(d.Platform), first(d.BundleID, d.Package), string(d.Environment), string(d.Token), string(d.AppState),
			fmt.Sprint(d.OwnerGeneration))
	}
	return t
}
