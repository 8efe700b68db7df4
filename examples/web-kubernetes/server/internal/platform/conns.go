package platform

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

// listener hands out connections that tell what net/http refuses by itself, before any handler: what it can't parse.
type listener struct{ *net.TCPListener }

func (l listener) Accept() (net.Conn, error) {
	accepted, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return &conn{TCPConn: accepted}, nil
}

type conn struct {
	*net.TCPConn
	handled atomic.Bool // what is written now is a handler's answer
}

type connKey struct{}

func (c *conn) Write(data []byte) (int, error) {
	if !c.handled.Load() && len(data) > 12 && bytes.HasPrefix(data, []byte("HTTP/1.1 4")) {
		status := string(data[9:12])
		requests.WithLabelValues("OTHER", "unmatched", status).Inc()
		number, _ := strconv.Atoi(status)
		slog.Warn("bad request", "status", number)
	}
	return c.TCPConn.Write(data)
}

// unused are the connections that have not sent a request yet, as browsers and load balancers hold them ready.
// http.Server.Shutdown closes idle connections, but waits five seconds for these.
type unused struct{ conns sync.Map }

func (u *unused) track(c net.Conn, state http.ConnState) {
	if state == http.StateNew {
		u.conns.Store(c, nil)
		return
	}
	u.conns.Delete(c)
	if ours, ok := c.(*conn); ok && state == http.StateIdle {
		ours.handled.Store(false)
	}
}

func (u *unused) close() {
	for c := range u.conns.Range {
		_ = c.(net.Conn).Close()
	}
}
