package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	answerWithin      = 2 * time.Second // a dependency, when readiness asks
	healthcheckWithin = 8 * time.Second // the service itself, when the image's health check asks: less than Docker waits
)

// Check asks a dependency whether it answers.
type Check func(context.Context) error

type readiness struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks"`
}

// ready runs the checks side by side. The reason why one failed goes to the log: it is none of the caller's business.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.stopping.Load() {
		WriteJSON(w, http.StatusServiceUnavailable, readiness{"stopping", map[string]string{}})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
	defer cancel()
	var (
		running sync.WaitGroup
		mutex   sync.Mutex
		status  = http.StatusOK
		body    = readiness{"ready", map[string]string{}}
	)
	for name, check := range s.Checks {
		running.Go(func() {
			err := check(ctx)
			mutex.Lock()
			defer mutex.Unlock()
			body.Checks[name] = "ok"
			if err != nil {
				slog.WarnContext(ctx, "check failed", "check", name, "error", err)
				body.Checks[name] = "failed"
				status, body.Status = http.StatusServiceUnavailable, "unavailable"
			}
		})
	}
	running.Wait()
	WriteJSON(w, status, body)
}

// healthcheck is the image's HEALTHCHECK: it needs no shell and no curl. Over IPv6 where there is any, as callers do.
func healthcheck(ctx context.Context, port Port) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckWithin)
	defer cancel()
	host := "127.0.0.1"
	// By a socket: an address may be listed where none can be had.
	if probe, err := new(net.ListenConfig).Listen(ctx, "tcp6", "[::1]:0"); err == nil {
		host = "::1"
		if err := probe.Close(); err != nil {
			return err
		}
	}
	url := "http://" + net.JoinHostPort(host, strconv.Itoa(int(port))) + "/healthz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("/healthz: %s", response.Status)
	}
	return errors.Join(err, response.Body.Close())
}
