package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/protocol"
)

func newDeviceWhy(w world) *cobra.Command {
	var user string
	cmd, _ := w.client(&cobra.Command{
		Use: "why [DEVICE]", Short: "Say why a device gets its pushes, or none", Args: atMostArgs("DEVICE"),
		Long: `Say in a few sentences why a device gets its pushes, or why it gets none: since when its token is dead and by which answer,
until when a budget or a credential holds it back, what waits for it, and when it was last seen. With --user the command
explains all devices of a user. With --json it prints the same as facts, an object a line for each device.`,
		Example: "  hush device why --app notes DEVICE\n  hush device why --app notes --user alice",
	}, true, func(ctx context.Context, r *remote, args []string) error {
		if (user == "") == (len(args) == 0) {
			return usagef("'hush device why' takes a DEVICE, or --user USER; want one of them")
		}
		if user == "" {
			return explainDevice(ctx, r, args[0])
		}
		return explainDevicesOf(ctx, r, user)
	})
	cmd.Flags().StringVar(&user, "user", "", "all devices of this user")
	argumentBecomes(cmd, "DEVICE", "path.device")
	becomes(cmd, "user", "path.user")
	return cmd
}

func explainDevice(ctx context.Context, r *remote, device string) error {
	x, err := one(ctx, r, func(ctx context.Context) (protocol.Explanation, error) { return r.ExplainDevice(ctx, r.app, device) })
	if err != nil {
		return err
	}
	who := x.DeviceID
	if x.User != "" {
		who += " of " + x.User
	}
	r.say("%s\n  %s\n", fmt.Sprintf("%s (%s)", who, x.Platform), x.Text)
	return nil
}

func explainDevicesOf(ctx context.Context, r *remote, user string) error {
	var all []protocol.Device
	for page := (client.Page{Limit: 1000}); ; {
		answer, err := one(ctx, r, func(ctx context.Context) (protocol.Devices, error) { return r.Devices(ctx, r.app, user, page) })
		if err != nil {
			return err
		}
		all = append(all, answer.Devices...)
		if page.Cursor = answer.Cursor; page.Cursor == "" {
			break
		}
	}
	r.answer = nil // with --json, what is asked for are the explanations
	if len(all) == 0 {
		r.say("user %s has no device in app %s; what can wait waits for the first\n", user, r.app)
	}
	for _, d := range all {
		if err := explainDevice(ctx, r, d.DeviceID); err != nil {
			return err
		}
		r.printAnswer()
	}
	return nil
}
