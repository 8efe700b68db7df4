package httpserver

import (
	"encoding/json"
	"net/http"
)

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails where the caller has hung up, and there is nobody left to tell
}

// fail ends a request that went wrong: the caller only learns that it did, and the request's log line has the error.
func fail(w http.ResponseWriter, err error) {
	if rec, ok := w.(*recorder); ok {
		rec.err = err
		if rec.status != 0 {
			rec.broken = true
			return
		}
	}
	w.Header().Del("Content-Length") // of the answer that was meant
	writeJSON(w, http.StatusInternalServerError, map[string]string{"error": "internal server error"})
}
