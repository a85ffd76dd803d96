package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func newResource(w world) *cobra.Command {
	return group("resource", "Resources: named push policies with the rules for APNs and FCM",
		newResourcePut(w), newResourceGet(w), newResourceList(w), newResourceDelete(w))
}

func newResourcePut(w world) *cobra.Command {
	var file string
	cmd, r := w.client(&cobra.Command{
		Use: "put NAME", Short: "Store a resource; one that is not silent is refused with the cause", Args: wantArgs("NAME"),
		Long: `Store a resource from a JSON file, such as

  {"apns": {"ttl": "24h", "budget": {"wakes": 3, "per": "1h", "burst": 2},
            "rewake": {"times": 2, "after": "30m"}},
   "fcm": {"ttl": "24h", "priority": "normal"}}

Everything has a default: {"apns": {}, "fcm": {}} is a whole resource for both platforms.`,
		Example: "  hush resource put --app notes both --file both.json\n" +
			`  echo '{"apns": {}, "fcm": {}}' | hush resource put --app notes both --file -`,
	}, true, func(ctx context.Context, r *remote, args []string) error {
		if file == "" {
			return usagef("no file is given; want --file FILE, or --file - for standard input")
		}
		body, err := w.readFile("file", file)
		if err != nil {
			return err
		}
		r.file = jsonFile{"file", file, body}
		ctx, cancel := r.within(ctx)
		defer cancel()
		_, created, err := r.PutResource(ctx, r.app, args[0], json.RawMessage(body))
		if err != nil {
			return err
		}
		r.say("resource %s %s\n", args[0], putWord(created))
		return nil
	})
	cmd.Flags().StringVar(&file, "file", "", "the resource as JSON; - is standard input")
	becomes(cmd, "file", "body")
	argumentBecomes(cmd, "NAME", "path.resource_id")
	r.offerArgument(cmd, true, resourceNames)
	return cmd
}

func newResourceGet(w world) *cobra.Command {
	cmd, r := w.client(&cobra.Command{
		Use: "get NAME", Short: "Show a resource's settings, defaults included", Args: wantArgs("NAME"),
		Example: "  hush resource get --app notes both",
	}, true, func(ctx context.Context, r *remote, args []string) error {
		resource, err := one(ctx, r, func(ctx context.Context) (protocol.Resource, error) { return r.Resource(ctx, r.app, args[0]) })
		if err != nil {
			return err
		}
		r.show(settingsTable(resource))
		return nil
	})
	r.offerArgument(cmd, true, resourceNames)
	argumentBecomes(cmd, "NAME", "path.resource_id")
	return cmd
}

func newResourceList(w world) *cobra.Command {
	cmd, r := w.client(&cobra.Command{
		Use: "list", Short: "List an app's resources, with the defaults that apply", Args: noArgs,
		Example: "  hush resource list --app notes",
	}, true, func(ctx context.Context, r *remote, _ []string) error {
		var all []protocol.Resource
		err := r.pages(ctx, func(ctx context.Context, page client.Page) (string, error) {
			answer, err := r.Resources(ctx, r.app, page)
			all = append(all, answer.Resources...)
			return answer.Cursor, err
		})
		if err != nil {
			return err
		}
		r.showList(resourceTable(all...), "no resources of app "+r.app)
		return nil
	})
	r.addPageTo(cmd)
	return cmd
}

func newResourceDelete(w world) *cobra.Command {
	cmd, r := w.client(&cobra.Command{
		Use: "delete NAME", Short: "Delete a resource", Args: wantArgs("NAME"),
		Example: "  hush resource delete --app notes both",
	}, true, func(ctx context.Context, r *remote, args []string) error {
		ctx, cancel := r.within(ctx)
		defer cancel()
		if err := r.DeleteResource(ctx, r.app, args[0]); err != nil {
			return err
		}
		r.say("resource %s deleted\n", args[0])
		return nil
	})
	r.offerArgument(cmd, true, resourceNames)
	argumentBecomes(cmd, "NAME", "path.resource_id")
	return cmd
}

// resourceTable returns a row per strategy, as it applies; what was not given is marked.
func resourceTable(all ...protocol.Resource) *table {
	t := newTable("RESOURCE", "PROVIDER", "TTL", "PRIORITY", "BUDGET", "WAKE AGAIN", "COLLAPSE KEY")
	for _, r := range all {
		applies := appliesOf(r)
		for _, s := range strategiesOf(applies) {
			if s.strategy == nil {
				continue
			}
			cell := func(setting, text string, parts ...string) string {
				return marked(text, applies.Defaults, s.provider+"."+setting, parts...)
			}
			t.add(r.ResourceID, s.provider, cell("ttl", short(s.strategy.TTL)), cell("priority", string(s.strategy.Priority)),
				cell("budget", budgetText(s.strategy.Budget), "wakes", "per", "burst"), cell("rewake", rewakeText(s.strategy.Rewake), "times", "after"),
				s.strategy.CollapseKey)
		}
	}
	return t
}

// appliesOf returns a resource as it applies; of a server of an older version, as it was given.
func appliesOf(r protocol.Resource) protocol.Applies {
	if r.Applies == nil {
		return protocol.Applies{APNs: r.APNs, FCM: r.FCM}
	}
	return *r.Applies
}

// strategyOf is the strategy for a provider; nil where there is none.
type strategyOf struct {
	provider string
	strategy *protocol.Strategy
}

func strategiesOf(a protocol.Applies) []strategyOf {
	return []strategyOf{{"apns", a.APNs}, {"fcm", a.FCM}}
}

// defaultMark stands behind a setting that was not given.
const defaultMark = "(default)"

// marked returns the text of a setting that has parts, or none, with a mark if it is a default. Of one with parts the mark names
// those that are, unless all are.
func marked(text string, defaults []string, setting string, parts ...string) string {
	if len(parts) == 0 && slices.Contains(defaults, setting) {
		return text + " " + defaultMark
	}
	var some []string
	for _, part := range parts {
		if slices.Contains(defaults, setting+"."+part) {
			some = append(some, part)
		}
	}
	switch len(some) {
	case 0:
		return text
	case len(parts):
		return text + " " + defaultMark
	}
	return fmt.Sprintf("%s (default: %s)", text, strings.Join(some, ", "))
}

// settingsTable returns a row per setting of a resource, as it applies; what was not given is marked.
func settingsTable(r protocol.Resource) *table {
	t := newTable("RESOURCE", "SETTING", "VALUE", "")
	applies := appliesOf(r)
	for _, s := range strategiesOf(applies) {
		if s.strategy == nil {
			t.add(r.ResourceID, s.provider, "none: its devices are not woken", "")
			continue
		}
		for _, setting := range settingsOf(*s.strategy) {
			mark := ""
			if name := s.provider + "." + setting.name; slices.Contains(applies.Defaults, name) {
				mark = defaultMark
			}
			t.rows = append(t.rows, []string{r.ResourceID, s.provider + "." + setting.name, setting.value, mark})
		}
	}
	t.add(r.ResourceID, "client_send", fmt.Sprint(r.ClientSend), "")
	return t
}

type settingLine struct{ name, value string }

// settingsOf returns the settings of a strategy that has them all.
func settingsOf(s protocol.Strategy) []settingLine {
	lines := []settingLine{{"ttl", short(s.TTL)}}
	if s.Priority != "" {
		lines = append(lines, settingLine{"priority", string(s.Priority)})
	}
	if b := s.Budget; b != nil {
		lines = append(lines, settingLine{"budget.wakes", fmt.Sprint(b.Wakes)}, settingLine{"budget.per", short(b.Per)}, settingLine{"budget.burst", fmt.Sprint(b.Burst)})
	}
	if w := s.Rewake; w != nil {
		lines = append(lines, settingLine{"rewake.times", fmt.Sprint(w.Times)}, settingLine{"rewake.after", short(w.After)})
	}
	if s.CollapseKey != "" {
		lines = append(lines, settingLine{"collapse_key", s.CollapseKey})
	}
	return lines
}

// short returns a duration without the units that are zero.
func short(duration string) string {
	d, err := time.ParseDuration(duration)
	if err != nil {
		return duration
	}
	return push.ShortDuration(d)
}

func budgetText(b *protocol.Budget) string {
	if b == nil {
		return ""
	}
	return fmt.Sprintf("%d per %s, burst %d", b.Wakes, short(b.Per), b.Burst)
}

func rewakeText(w *protocol.Rewake) string {
	if w == nil {
		return ""
	}
	return fmt.Sprintf("%d times, after %s", w.Times, short(w.After))
}
