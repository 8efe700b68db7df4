// Package httpserver answers HTTP: routes, health, metrics, and a stop that breaks no request.
package httpserver

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// stopWithin is less than the 30 seconds that Docker and Kubernetes wait before they kill.
	stopWithin = 25 * time.Second
	// lastCall is the time in which a busy connection gets one more answer, with "Connection: close". Closing it
	// between two requests, as net/http does at once, can lose the second on its way.
	lastCall = 250 * time.Millisecond
)

// Options is what a Server needs to know.
type Options struct {
	Service string
	Version string
	Checks  map[string]Check // by the name of the dependency
	Log     *slog.Logger
}

// Server is the service's HTTP side.
type Server struct {
	service string
	version string
	log     *slog.Logger
	health  *health
	metrics *metrics
}

// New makes a server that doesn't listen yet.
func New(options Options) *Server {
	return &Server{
		service: options.Service,
		version: options.Version,
		log:     options.Log,
		health:  &health{checks: options.Checks, log: options.Log},
		metrics: newMetrics(),
	}
}

// Handler answers the requests.
func (s *Server) Handler() http.Handler {
	return s.observe(s.routes())
}

// Run listens on address until ctx ends; then it stops listening and lets the requests that are running finish.
func (s *Server) Run(ctx context.Context, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	var unused unusedConns
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute, // longer than that of the usual load balancer, which must be the one to hang up
		ConnState:         unused.track,
		ErrorLog:          log.New(serverLog{s.log}, "", 0),
		// Else net/http answers `OPTIONS *` by itself, without a request id.
		DisableGeneralOptionsHandler: true,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()

	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}

	s.health.stopping.Store(true)
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	// The listener first: who connects from now on is refused, and can go elsewhere.
	if err := listener.Close(); err != nil {
		return err
	}
	<-ended
	time.Sleep(lastCall)
	unused.close()
	if err := server.Shutdown(deadline); errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("requests cut")
		return server.Close()
	} else if err != nil {
		return err
	}
	return nil
}

// serverLog makes log lines of what net/http has to say.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Write(text []byte) (int, error) {
	l.log.Warn("http server", "error", strings.TrimSpace(string(text)))
	return len(text), nil
}
