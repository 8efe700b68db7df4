package httpserver

import (
	"net/http"
	"path"
	"strings"
)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("/", unmatched(mux))
	return cleanPathsOnly(mux)
}

func (s *Server) index(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"service": s.service, "version": s.version})
}

// healthz says that the process lives, and looks at nothing else.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	status, body := s.health.readiness(r.Context())
	writeJSON(w, status, body)
}

// unmatched answers what no route does: 405 where the path has one for another method, else 404.
func unmatched(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			_, pattern := mux.Handler(&http.Request{Method: method, Host: r.Host, URL: r.URL})
			if pattern != r.Pattern {
				allowed = append(allowed, method)
			}
		}
		if allowed == nil {
			notFound(w, r)
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeJSON(w, http.StatusMethodNotAllowed, map[string]string{"error": "method not allowed"})
	}
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusNotFound, map[string]string{"error": "not found"})
}

// cleanPathsOnly keeps paths such as `//healthz`, `/a/../b` and `*` from ServeMux, which answers them with a redirect
// or an error page of its own.
func cleanPathsOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := r.URL.EscapedPath()
		clean := strings.TrimSuffix(path.Clean(sent), "/") == strings.TrimSuffix(sent, "/")
		if !clean || !strings.HasPrefix(sent, "/") {
			notFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
