package platform

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"
	"uuid"
)

const (
	runningFor = time.Minute // more than a request may take: should the service die, so long is its key taken
	keptFor    = 24 * time.Hour
)

var (
	idempotencyKey = regexp.MustCompile(`^[!#-\[\]-~]{1,255}$`)
	keptHeaders    = []string{"Content-Type", "Etag", "Link", "Location"} // of an answer
)

// entry is what the cache has of a key: a request that is running, or one with its answer.
type entry struct {
	Request string      `json:"request"`
	Running string      `json:"running,omitzero"`
	Status  int         `json:"status,omitzero"`
	Header  http.Header `json:"header,omitempty"`
	Body    []byte      `json:"body,omitempty"`
}

// Idempotent is middleware: a POST or PATCH with `Idempotency-Key` is done once, however often it comes, so that who got
// no answer may ask again. The answer is held back until it is whole.
//
// The header: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ ; the rest as at Stripe,
// https://docs.stripe.com/api/idempotent_requests .
func (c *Cache) Idempotent(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := r.Header.Values("Idempotency-Key")
		if given == nil || r.Method != http.MethodPost && r.Method != http.MethodPatch {
			next.ServeHTTP(w, r)
			return
		}
		if err := c.once(w, r, next, strings.Join(given, ", ")); err != nil {
			Fail(w, r, err)
		}
	})
}

func (c *Cache) once(w http.ResponseWriter, r *http.Request, next http.Handler, key string) error {
	if len(key) > 1 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	if !idempotencyKey.MatchString(key) {
		return Problem{Status: http.StatusBadRequest, Detail: "Idempotency-Key: expected 1 to 255 visible ASCII characters, perhaps in quotes"}
	}
	body, err := io.ReadAll(r.Body)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return Problem{Status: http.StatusRequestTimeout}
	} else if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))

	// A key is one path's. With another query, body or caller it is another request, which gets nothing of this one.
	name := fmt.Sprintf("idempotency:%s:%s", Service, digest([]byte(r.Method), []byte(r.URL.EscapedPath()), []byte(key)))
	request := digest([]byte(r.URL.RawQuery), []byte(r.Header.Get("Authorization")), body)
	mine := text(entry{Request: request, Running: uuid.New().String()})
	found, err := c.claim(r.Context(), name, mine, runningFor)
	if err != nil {
		return errors.Join(fmt.Errorf("cache: %w", err), Problem{Status: http.StatusServiceUnavailable})
	}
	if found != mine {
		return again(w, found, request)
	}
	answer := &held{ResponseWriter: w, header: w.Header().Clone(), status: http.StatusOK}
	ended := false
	defer func() {
		if !ended { // by a panic
			c.keep(r.Context(), name, mine, "")
		}
	}()
	next.ServeHTTP(answer, r)
	ended = true
	c.keep(r.Context(), name, mine, answer.text(request))
	answer.send()
	return nil
}

// keep stores an answer. What has changed nothing is not kept, and may be tried again.
func (c *Cache) keep(ctx context.Context, name, mine, answer string) {
	// Even if the caller has hung up: it is who will ask again.
	if err := c.replace(context.WithoutCancel(ctx), name, mine, answer, keptFor); err != nil {
		slog.WarnContext(ctx, "answer not kept", "error", err)
	}
}

// again answers a request that came before.
func again(w http.ResponseWriter, found, request string) error {
	var first entry
	if err := json.Unmarshal([]byte(found), &first); err != nil {
		return err
	}
	switch {
	case first.Request != request:
		other := BrokenRule{"#", "expected the request that this Idempotency-Key came with first"}
		return Problem{Status: http.StatusUnprocessableEntity, Errors: []BrokenRule{other}}
	case first.Running != "":
		w.Header().Set("Retry-After", "1")
		return Problem{Status: http.StatusConflict, Detail: "A request with this Idempotency-Key is still running."}
	}
	maps.Copy(w.Header(), first.Header)
	w.Header().Set("Idempotent-Replayed", "true")
	w.WriteHeader(first.Status)
	_, _ = w.Write(first.Body)
	return nil
}

// held is an answer that is held back.
type held struct {
	http.ResponseWriter
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header { return h.header }

// WriteHeader begins again, as a failure does in the middle of an answer.
func (h *held) WriteHeader(status int) {
	h.status = status
	h.body.Reset()
}

func (h *held) Write(data []byte) (int, error) { return h.body.Write(data) }

// Flush does nothing: it is held back.
func (h *held) Flush() {}

// Unwrap is for http.ResponseController.
func (h *held) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// text is what is kept of it; empty where it has changed nothing.
func (h *held) text(request string) string {
	if h.status >= http.StatusBadRequest {
		return ""
	}
	kept := entry{Request: request, Status: h.status, Header: http.Header{}, Body: h.body.Bytes()}
	for _, name := range keptHeaders {
		if values := h.header.Values(name); values != nil {
			kept.Header[name] = values
		}
	}
	return text(kept)
}

func (h *held) send() {
	maps.Copy(h.ResponseWriter.Header(), h.header)
	h.ResponseWriter.WriteHeader(h.status)
	_, _ = h.ResponseWriter.Write(h.body.Bytes())
}

func text(e entry) string {
	encoded, err := json.Marshal(e)
	if err != nil {
		panic(err) // no data can do that, only a type
	}
	return string(encoded)
}

// digest is SHA-256 of the parts, in which the border between two of them counts.
func digest(parts ...[]byte) string {
	hash := sha256.New()
	for _, part := range parts {
		_ = binary.Write(hash, binary.BigEndian, uint64(len(part)))
		hash.Write(part)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
