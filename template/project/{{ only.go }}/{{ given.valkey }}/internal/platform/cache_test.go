package platform

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCacheURL(t *testing.T) {
	var read CacheURL
	if err := read.UnmarshalText([]byte("rediss://o%40k@cache.internal/3")); err != nil {
		t.Fatal(err)
	}
	if read.address != "cache.internal:6379" || read.user != "o@k" || read.number != 3 || read.tls == nil {
		t.Error(read)
	}
	for _, text := range []string{
		"http://cache:6379", "redis://", "redis://cache/x", "redis://cache/-1", "redis://app:s3cret@cache", "redis://cache?password=x",
		"redis://cache?sslrootcert=/x", "rediss://cache?sslrootcert=/missing", "rediss://cache?a=b&sslrootcert=/missing",
	} {
		if new(CacheURL).UnmarshalText([]byte(text)) == nil {
			t.Error(text)
		}
	}
}

func TestKeysWithoutCache(t *testing.T) {
	cache := OpenCache(CacheSettings{})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	f := newFixture(t, &Server{Mux: mux, Middleware: []func(http.Handler) http.Handler{cache.Idempotent}})
	if answer := f.ask("POST", "/orders", "{}"); answer.Code != http.StatusCreated {
		t.Error(answer.Code)
	}
	for key, status := range map[string]int{
		"1": 503, `"1"`: 503, "": 400, "two words": 400, `"half`: 400, `""`: 400, "é": 400, strings.Repeat("x", 256): 400,
	} {
		request := httptest.NewRequest("POST", "/orders", strings.NewReader("{}"))
		request.Header.Set("Idempotency-Key", key)
		answer := httptest.NewRecorder()
		f.ServeHTTP(answer, request)
		if answer.Code != status {
			t.Error(key, answer.Code)
		}
	}
}

func TestHeldAnswerBeginsAnew(t *testing.T) {
	answer := httptest.NewRecorder()
	h := &held{ResponseWriter: answer, header: http.Header{}, status: http.StatusOK}
	_, _ = h.Write([]byte("a part"))
	Fail(h, httptest.NewRequest("POST", "/", nil), Problem{Status: http.StatusConflict})
	h.send()
	if answer.Code != http.StatusConflict || strings.Contains(answer.Body.String(), "a part") || h.text("") != "" {
		t.Error(answer.Code, answer.Body)
	}
}
