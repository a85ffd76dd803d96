package fcmtest

import "github.com/hushpush/hush/pushtest/internal/simkit"

// What a connection may do. The work is h2sim's, as Server.start has it do it.

var ruleTransport = Rule{
	Name:    "transport",
	Text:    "HTTPS, HTTP/2 or HTTP/1.1 as the client asks; one message a request.",
	Source:  "firebase-admin for Go and node",
	Certain: simkit.Observed,
}

var ruleScheme = Rule{
	Name:    "transport.scheme",
	Text:    "A :scheme of \"https:\", as firebase-admin for node sends it over HTTP/2, is taken as any other.",
	Source:  "seen on the wire; Google's front end accepts it",
	Certain: simkit.Observed,
}

var ruleStreams = Rule{
	Name:    "transport.streams",
	Text:    "MAX_CONCURRENT_STREAMS of a connection over HTTP/2; streams above it are refused (REFUSED_STREAM) and may be sent again.",
	Source:  "not documented; 100 is what firebase-admin for node opens at most",
	Certain: simkit.Inferred,
	Switch:  "transport.streams",
	Default: "100",
	Least:   1,
	Most:    10_000,
	Varies:  []string{"100", "128", "250"},
}

var ruleHeaderList = Rule{
	Name:    "transport.headers",
	Text:    "How many bytes a request's headers may have, as HTTP/2 counts them; larger ones get 431.",
	Source:  "not documented",
	Certain: simkit.Inferred,
	Switch:  "transport.headers",
	Default: "32768",
	Least:   4096,
	Most:    1 << 20,
	Varies:  []string{"16384", "32768", "65536"},
}

var ruleIdle = Rule{
	Name:    "transport.idle",
	Text:    "A connection without any frame or request for this long, by real time, is ended, over HTTP/2 with GOAWAY and session_timed_out as its debug data. 0s: never.",
	Source:  "not documented; Google's front ends end idle connections after minutes, with these words",
	Certain: simkit.Inferred,
	Switch:  "transport.idle",
	Default: "10m",
	Varies:  []string{"4m", "10m"},
}

var ruleBodyWait = Rule{
	Name:    "transport.body_wait",
	Text:    "How long, by real time, a request's headers and body may take to end; then its stream, or over HTTP/1.1 its connection, is ended. A handshake gets 30 s, a client that does not take its answers 30 s; there are 2048 connections at most, and those without a good answer yet make room for others.",
	Source:  "not documented; these keep the simulator itself alive",
	Certain: simkit.Inferred,
	Switch:  "transport.body_wait",
	Default: "60s",
	Least:   1,
	Varies:  []string{"30s", "60s"},
}
