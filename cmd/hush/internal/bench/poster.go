package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/hushpush/hush/protocol"
)

// poster posts pushes, as a backend with a good HTTP client does. It retries nothing: what is refused ends the benchmark.
type poster struct {
	url    string
	client *http.Client
	header http.Header // never changes
}

func (r *rig) newPoster() *poster {
	return &poster{
		url:    "http://" + r.server.addr + "/v1/apps/" + appName + "/pushes",
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: r.options.Concurrency, DisableCompression: true}},
		header: http.Header{"Authorization": {"Bearer " + r.sendKey.Reveal()}, "Content-Type": {"application/json"}},
	}
}

func (p *poster) close() { p.client.CloseIdleConnections() }

// push posts one push and returns the answer.
func (p *poster) push(ctx context.Context, body []byte) (a protocol.PushAccepted, err error) {
	return a, p.do(ctx, p.url, body, http.StatusAccepted, &a)
}

// batch posts several in one request, and returns how many were accepted.
func (p *poster) batch(ctx context.Context, body []byte) (accepted int, err error) {
	var answer protocol.BatchResponse
	if err := p.do(ctx, p.url+"/batch", body, http.StatusOK, &answer); err != nil {
		return 0, err
	}
	for _, r := range answer.Results {
		if r.Status == http.StatusAccepted {
			accepted++
		}
	}
	return accepted, nil
}

func (p *poster) do(ctx context.Context, url string, body []byte, want int, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	req.Header = p.header
	resp, err := p.client.Do(req)
	if err != nil {
		return fmt.Errorf("bench: a push: %w", err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("bench: a push: %w", err)
	}
	if resp.StatusCode != want {
		return fmt.Errorf("bench: a push was answered %s: %.500s", resp.Status, said)
	}
	if err := json.Unmarshal(said, answer); err != nil {
		return fmt.Errorf("bench: a push's answer: %w", err)
	}
	return nil
}
