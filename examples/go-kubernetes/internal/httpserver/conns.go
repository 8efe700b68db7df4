package httpserver

import (
	"net"
	"net/http"
	"sync"
)

// unusedConns are the connections that have not sent a request yet, as browsers and load balancers hold them ready.
// http.Server.Shutdown closes idle connections, but waits five seconds for these.
type unusedConns struct{ conns sync.Map }

func (u *unusedConns) track(conn net.Conn, state http.ConnState) {
	if state == http.StateNew {
		u.conns.Store(conn, nil)
	} else {
		u.conns.Delete(conn)
	}
}

func (u *unusedConns) close() {
	for conn := range u.conns.Range {
		_ = conn.(net.Conn).Close()
	}
}
