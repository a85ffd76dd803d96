package apnstest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/apnstest"
)

// BenchmarkSend is one notification over one connection to one of 100 000 phones, client included.
func BenchmarkSend(b *testing.B) {
	s := apnstest.New(b, apnstest.Set("device.rate", "0"))
	for i := range 100_000 {
		if err := s.Register(apnstest.Token{Token: token(i), Topic: "com.example.notes", Online: true}); err != nil {
			b.Fatal(err)
		}
	}
	jwt, err := s.Key().SignToken(time.Now())
	if err != nil {
		b.Fatal(err)
	}
	client := s.Client()
	b.Cleanup(client.CloseIdleConnections)
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			req, _ := http.NewRequest("POST", fmt.Sprintf("%s/3/device/%s", s.URL(), token(i%100_000)), strings.NewReader(`{"aps":{"content-available":1}}`))
			for name, value := range map[string]string{"authorization": "bearer " + jwt, "apns-topic": "com.example.notes",
				"apns-push-type": "background", "apns-priority": "5"} {
				req.Header.Set(name, value)
			}
			res, err := client.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode != 200 {
				b.Fatal(res.StatusCode)
			}
		}
	})
}
