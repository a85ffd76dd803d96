package fcmtest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkSend is one message over one HTTP/2 connection to one of 100 000 phones, client included.
func BenchmarkSend(b *testing.B) {
	s := New(b, Set("quota.project_per_minute", "1000000000"), Set("quota.device_per_minute", "1000000000"), Set("quota.device_per_hour", "1000000000"))
	for i := range 100_000 {
		if err := s.Register(Token{Token: fmt.Sprintf("t:%d", i), Online: true}); err != nil {
			b.Fatal(err)
		}
	}
	client, bearer := s.Client(), "Bearer "+s.AccessToken()
	b.Cleanup(client.CloseIdleConnections)
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			req, _ := http.NewRequest("POST", s.SendURL(), strings.NewReader(fmt.Sprintf(`{"message":{"token":"t:%d","data":{"hush":"{}"},"android":{"collapse_key":"hush","ttl":"60s"}}}`, i)))
			req.Header.Set("Authorization", bearer)
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
