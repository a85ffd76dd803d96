package hushtest

import (
	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/internal/timeline"
	"github.com/hushpush/hush/protocol"
)

// Draw returns a push's timeline for people, as hush trace shows it: a line per device, and one per event below it.
func Draw(p protocol.Push) string { return timeline.Text(p, terminal.Style{}) }
