package client_test

import (
	"context"
	"log"
	"os"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// A backend sends a push, which is on the server's disk when the answer comes.
func Example() {
	c, err := client.New(client.Config{Server: "https://push.example.com", Key: push.Secret(os.Getenv("HUSH_KEY"))})
	if err != nil {
		log.Fatal(err)
	}
	accepted, err := c.Push(context.Background(), "notes", protocol.PushRequest{
		To: protocol.Audience{Users: []string{"alice"}}, ResourceID: "both", Payload: `{"cursor":1841}`,
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Println("on disk as", accepted.PushID)
}
