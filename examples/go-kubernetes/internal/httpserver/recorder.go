package httpserver

import (
	"net/http"
	"sync/atomic"
)

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	stopping *atomic.Bool
	status   int   // 0 until the answer begins
	err      error // why it failed
	broken   bool  // it failed in the middle of the answer
}

func (rec *recorder) WriteHeader(status int) {
	// 1xx only announces the answer.
	if rec.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		rec.status = status
		if rec.stopping.Load() {
			rec.Header().Set("Connection", "close")
		}
	}
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(data []byte) (int, error) {
	if rec.status == 0 {
		rec.WriteHeader(http.StatusOK)
	}
	return rec.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController find what this type doesn't have, such as Flush.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

func (rec *recorder) code() int {
	if rec.status == 0 {
		return http.StatusOK // what net/http sends for a handler that wrote nothing
	}
	return rec.status
}
