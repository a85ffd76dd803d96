// Package h2raw is an HTTP/2 client for tests that writes exactly the frames it is told to, wrong ones included, and collects
// what comes back.
package h2raw

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Client is one connection. One goroutine may write while another reads.
type Client struct {
	Conn     *tls.Conn
	Framer   *http2.Framer              // for writing; each frame is one write
	Settings map[http2.SettingID]uint32 // the latest that the server has told
	GoAway   *GoAway                    // the latest; nil until it came
	GoAways  []GoAway                   // all of them, in order

	Wait time.Duration // for what is awaited; 30 s unless told

	in      *http2.Framer // for reading, and for what reading makes us answer
	enc     *hpack.Encoder
	block   bytes.Buffer
	nextID  uint32
	answers map[uint32]*Answer
}

// GoAway is the server's GOAWAY frame.
type GoAway struct {
	Last  uint32
	Code  http2.ErrCode
	Debug string
}

// Answer is what came on one stream.
type Answer struct {
	Status   int
	Header   map[string]string
	Body     []byte
	Ended    bool
	Reset    http2.ErrCode // with WasReset: the code
	WasReset bool          // an RST_STREAM has come, be it after the end
}

// Dial connects and exchanges the prefaces; it does not wait for the server's SETTINGS.
func Dial(addr string, cfg *tls.Config) (*Client, error) {
	c, err := DialBare(addr, cfg)
	if err != nil {
		return nil, err
	}
	if _, err = io.WriteString(c.Conn, http2.ClientPreface); err == nil {
		err = c.Framer.WriteSettings()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// DialBare connects and sends nothing above TLS.
func DialBare(addr string, cfg *tls.Config) (*Client, error) {
	cfg = cfg.Clone()
	if cfg.NextProtos == nil {
		cfg.NextProtos = []string{"h2"}
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 30 * time.Second}, "tcp", addr, cfg)
	if err != nil {
		return nil, err
	}
	c := &Client{
		Conn: conn, Framer: http2.NewFramer(conn, nil), in: http2.NewFramer(conn, conn), Settings: map[http2.SettingID]uint32{}, Wait: 30 * time.Second,
		nextID: 1, answers: map[uint32]*Answer{},
	}
	c.enc = hpack.NewEncoder(&c.block)
	c.Framer.AllowIllegalWrites = true
	c.in.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return c, nil
}

// Close cuts the connection.
func (c *Client) Close() { c.Conn.NetConn().Close() }

// Block encodes header fields, given as name, value, name, value.
func (c *Client) Block(fields ...string) []byte {
	c.block.Reset()
	for i := 0; i+1 < len(fields); i += 2 {
		c.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(c.block.Bytes())
}

// NextID returns the id for another stream.
func (c *Client) NextID() uint32 {
	id := c.nextID
	c.nextID += 2
	return id
}

// Request sends a POST with these further fields and a body (nil: the headers end the stream), and returns its stream.
func (c *Client) Request(path string, body []byte, fields ...string) (uint32, error) {
	return c.Do("POST", path, body, fields...)
}

// Do sends a request, as Request does, with another method.
func (c *Client) Do(method, path string, body []byte, fields ...string) (uint32, error) {
	id := c.NextID()
	all := append([]string{":method", method, ":scheme", "https", ":path", path, ":authority", "localhost"}, fields...)
	err := c.Framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: c.Block(all...), EndHeaders: true, EndStream: body == nil,
	})
	for first := true; err == nil && body != nil && (first || len(body) > 0); first = false {
		n := min(len(body), 16384)
		err = c.Framer.WriteData(id, n == len(body), body[:n])
		body = body[n:]
	}
	return id, err
}

// Await reads until the stream has ended. A server that closes the connection before is an error.
func (c *Client) Await(id uint32) (*Answer, error) {
	err := c.Until(func() bool { a := c.answers[id]; return a != nil && a.Ended })
	if err != nil {
		return nil, fmt.Errorf("stream %d: %w", id, err)
	}
	return c.answers[id], nil
}

// Answer returns what has come on a stream so far; nil: nothing.
func (c *Client) Answer(id uint32) *Answer { return c.answers[id] }

// AwaitGoAway reads until the server sends GOAWAY.
func (c *Client) AwaitGoAway() (*GoAway, error) {
	err := c.Until(func() bool { return c.GoAway != nil })
	return c.GoAway, err
}

// AwaitEnd reads until the server has closed the connection.
func (c *Client) AwaitEnd() error {
	err := c.Until(func() bool { return false })
	if err, ok := err.(net.Error); ok && err.Timeout() {
		return err
	}
	return nil
}

// Until reads frames until ok.
func (c *Client) Until(ok func() bool) error {
	c.Conn.SetReadDeadline(time.Now().Add(c.Wait))
	for !ok() {
		f, err := c.in.ReadFrame()
		if err != nil {
			return err
		}
		if err := c.record(f); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) record(f http2.Frame) error {
	id := f.Header().StreamID
	if id != 0 && c.answers[id] == nil {
		c.answers[id] = &Answer{Header: map[string]string{}}
	}
	a := c.answers[id]
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			return nil
		}
		f.ForeachSetting(func(s http2.Setting) error { c.Settings[s.ID] = s.Val; return nil })
		return c.in.WriteSettingsAck()
	case *http2.MetaHeadersFrame:
		for _, hf := range f.Fields {
			if hf.Name == ":status" {
				a.Status, _ = strconv.Atoi(hf.Value)
			} else {
				a.Header[hf.Name] = hf.Value
			}
		}
		a.Ended = a.Ended || f.StreamEnded()
	case *http2.DataFrame:
		a.Body = append(a.Body, f.Data()...)
		a.Ended = a.Ended || f.StreamEnded()
	case *http2.RSTStreamFrame:
		a.Ended, a.WasReset, a.Reset = true, true, f.ErrCode
	case *http2.GoAwayFrame:
		c.GoAways = append(c.GoAways, GoAway{f.LastStreamID, f.ErrCode, string(f.DebugData())})
		c.GoAway = &c.GoAways[len(c.GoAways)-1]
	}
	return nil
}
