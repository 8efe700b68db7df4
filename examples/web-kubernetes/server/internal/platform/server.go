package platform

import (
	"cmp"
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/felixge/httpsnoop"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
)

const (
	maxHeader   = 16 << 10
	headerTime  = 10 * time.Second
	requestTime = 30 * time.Second // see Within
	answerTime  = 5 * time.Second  // more, to send the answer of a request that took too long
	idleTime    = 75 * time.Second // longer than that of a load balancer, 60 s, which must be the one to hang up
	// stopWithin is less than the 30 seconds that Docker and Kubernetes wait before they kill.
	stopWithin = 25 * time.Second
	// lastCall is the time in which a busy connection gets one more answer, with "Connection: close". Closing it
	// between two requests, as net/http does at once, can lose the second on its way.
	lastCall = 250 * time.Millisecond
)

// Server answers HTTP: your routes, and beside them /healthz, /readyz and /metrics.
type Server struct {
	Settings    Settings
	Mux         *http.ServeMux
	Middleware  []func(http.Handler) http.Handler // around your routes; the first is the outermost
	Checks      map[string]Check                  // what readiness asks, by the name of the dependency
	Unavailable func(error) bool                  // with which of a Handler's errors the answer is 503
	MaxBody     int64                             // bytes of a request's body; 0 is 1 MiB

	stopping atomic.Bool
}

// Run listens until ctx ends; then it stops listening and lets the requests that are running finish.
func (s *Server) Run(ctx context.Context) error {
	// On IPv6 and IPv4, or on the one that there is.
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{Port: int(s.Settings.Port)})
	if err != nil {
		return err
	}
	slog.Info("starting", "port", s.Settings.Port, "version", s.Settings.Version)
	var unused unused
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ConnState:         unused.track,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		ErrorLog:          log.New(serverLog{}, "", 0),
		// Else net/http answers `OPTIONS *` by itself, without a request id.
		DisableGeneralOptionsHandler: true,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener{tcp}) }()

	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}

	s.stopping.Store(true)
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	// The listener first: who connects from now on is refused, and can go elsewhere.
	if err := tcp.Close(); err != nil {
		return err
	}
	<-ended
	time.Sleep(lastCall)
	unused.close()
	if err := server.Shutdown(deadline); errors.Is(err, context.DeadlineExceeded) {
		slog.Warn("requests cut")
		return server.Close()
	} else if err != nil {
		return err
	}
	slog.Info("stopped")
	return nil
}

// Handler is all that is answered, as Run serves it; call it once.
func (s *Server) Handler() http.Handler {
	s.Mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"}) // the process lives; it looks at nothing else
	})
	s.Mux.HandleFunc("GET /readyz", s.ready)
	build.WithLabelValues(s.Settings.Version).Set(1)
	s.Mux.Handle("GET /metrics", promhttp.Handler())

	handler := s.routes()
	for _, wrap := range slices.Backward(s.Middleware) {
		handler = wrap(handler)
	}
	handler = s.observe(handler)
	if tracing() {
		handler = otelhttp.NewMiddleware(Service,
			otelhttp.WithFilter(func(r *http.Request) bool { return !isProbe(r.URL.Path) }),
			otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method + " " + routeLabel(r.Pattern) }),
		)(handler)
	}
	return http.MaxBytesHandler(handler, s.maxBody())
}

func (s *Server) maxBody() int64 { return cmp.Or(s.MaxBody, 1<<20) }

// pattern is the one of the mux that matches. A path is taken as it is: the mux would lead `//items` to `/items`.
func (s *Server) pattern(r *http.Request) string {
	if sent := r.URL.EscapedPath(); sent != "/" && path.Clean(sent) != strings.TrimSuffix(sent, "/") {
		return ""
	}
	_, pattern := s.Mux.Handler(r)
	return pattern
}

// routes is the mux, whose own refusals become problems: 404, and 405 with the methods that there are.
func (s *Server) routes() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Pattern != "" {
			s.Mux.ServeHTTP(w, r)
			return
		}
		s.Mux.ServeHTTP(httpsnoop.Wrap(w, httpsnoop.Hooks{
			WriteHeader: func(httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
				return func(status int) {
					w.Header().Del("Location")
					if status < http.StatusBadRequest {
						status = http.StatusNotFound
					}
					Problem{Status: status}.write(w)
				}
			},
			Write: func(httpsnoop.WriteFunc) httpsnoop.WriteFunc {
				return func(text []byte) (int, error) { return len(text), nil }
			},
		}), r)
	})
}

// serverLog makes log lines of what net/http has to say.
type serverLog struct{}

func (serverLog) Write(text []byte) (int, error) {
	slog.Warn("http server", "error", strings.TrimSpace(string(text)))
	return len(text), nil
}
