package httpserver

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// answerWithin is the time that a dependency has.
const answerWithin = 2 * time.Second

// Check asks a dependency whether it answers.
type Check func(context.Context) error

type health struct {
	checks   map[string]Check
	log      *slog.Logger
	stopping atomic.Bool
}

type readiness struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks"`
}

// readiness is the status code and the body of /readyz.
func (h *health) readiness(ctx context.Context) (int, readiness) {
	if h.stopping.Load() {
		return http.StatusServiceUnavailable, readiness{"stopping", map[string]string{}}
	}
	failed := h.failed(ctx)
	results := make(map[string]string, len(h.checks))
	for name := range h.checks {
		results[name] = "ok"
	}
	for name, err := range failed {
		// The reason goes to the log: it is none of the caller's business.
		h.log.WarnContext(ctx, "check failed", "check", name, "error", err)
		results[name] = "failed"
	}
	if len(failed) > 0 {
		return http.StatusServiceUnavailable, readiness{"unavailable", results}
	}
	return http.StatusOK, readiness{"ready", results}
}

// failed runs the checks side by side and returns the errors.
func (h *health) failed(ctx context.Context) map[string]error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	var (
		running sync.WaitGroup
		mutex   sync.Mutex
		failed  = map[string]error{}
	)
	for name, check := range h.checks {
		running.Go(func() {
			if err := check(ctx); err != nil {
				mutex.Lock()
				defer mutex.Unlock()
				failed[name] = err
			}
		})
	}
	running.Wait()
	return failed
}
