package site

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/acme/shop/server/internal/platform"
)

var built = fstest.MapFS{
	"index.html":           {Data: []byte("<!doctype html>")},
	"index.html.br":        {Data: []byte("br")},
	"index.html.gz":        {Data: []byte("gz")},
	"favicon.svg":          {Data: []byte("<svg/>")},
	"assets/app-1a2b.js":   {Data: []byte("run()")},
	"assets/notes.txt.gz":  {Data: []byte("no variant: there is no notes.txt")},
	"assets/deep/font.ttf": {Data: []byte("font")},
	"licenses.txt":         {Data: []byte("a long text")},
	"licenses.txt.gz":      {Data: []byte("\x1f\x8b\x08")},
	"LICENSES":             {Data: []byte("a long text")},
	"LICENSES.gz":          {Data: []byte("\x1f\x8b\x08")},
	"site.webmanifest":     {Data: []byte("{}")},
	"{id}.json":            {Data: []byte("{}")},
	"a b%.txt":             {Data: []byte("a")},
}

func open(t *testing.T, backendURL string) http.Handler {
	t.Helper()
	var address BackendURL
	if backendURL != "" {
		if err := address.UnmarshalText([]byte(backendURL)); err != nil {
			t.Fatal(err)
		}
	}
	page, err := Open(built, address)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	page.Register(mux)
	server := platform.Server{Mux: mux, Middleware: page.Middleware(), Checks: page.Checks(), Unavailable: Unavailable}
	return server.Handler()
}

func ask(handler http.Handler, method, target string, headers ...string) *http.Response {
	request := httptest.NewRequest(method, target, strings.NewReader(""))
	for number := 0; number < len(headers); number += 2 {
		request.Header.Set(headers[number], headers[number+1])
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer.Result()
}

func TestAFileIsSentInTheFormThatTheCallerTakes(t *testing.T) {
	handler := open(t, "")
	for accepted, sent := range map[string]string{
		"":                       "",
		"gzip":                   "gzip",
		"gzip, deflate, br":      "br",
		"br;q=0, gzip":           "gzip",
		"br; q=0.0, gzip; q=0.5": "gzip",
		"identity":               "",
		"GZIP":                   "gzip",
	} {
		answer := ask(handler, "GET", "/", "Accept-Encoding", accepted)
		if got := answer.Header.Get("Content-Encoding"); answer.StatusCode != 200 || got != sent {
			t.Errorf("%q: %d %q", accepted, answer.StatusCode, got)
		}
		if answer.Header.Get("Vary") != "Accept-Encoding" || answer.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%q: %v", accepted, answer.Header)
		}
	}
}

func TestWhatIsNamedByItsContentIsKeptAndThePageIsAskedForAgain(t *testing.T) {
	handler := open(t, "")
	for path, cached := range map[string]string{"/": always, "/favicon.svg": always, "/assets/app-1a2b.js": forever, "/assets/deep/font.ttf": forever} {
		answer := ask(handler, "GET", path)
		if got := answer.Header.Get("Cache-Control"); answer.StatusCode != 200 || got != cached {
			t.Errorf("%s: %d %q", path, answer.StatusCode, got)
		}
		again := ask(handler, "GET", path, "If-None-Match", answer.Header.Get("ETag"))
		if again.StatusCode != 304 {
			t.Errorf("%s: %d", path, again.StatusCode)
		}
	}
	missing := ask(handler, "GET", "/assets/app-old.js")
	// A CDN would keep a 404 that says nothing for some minutes: https://github.com/argoproj/argo-cd/issues/15084
	if missing.StatusCode != 404 || missing.Header.Get("Cache-Control") != never {
		t.Errorf("%d %v", missing.StatusCode, missing.Header)
	}
}

func TestAFileHasItsOwnKindInEachForm(t *testing.T) {
	// Of compressed content net/http makes "application/x-gzip": https://github.com/golang/go/issues/31753
	handler := open(t, "")
	for path, kind := range map[string]string{
		"/licenses.txt":       "text/plain; charset=utf-8",
		"/LICENSES":           "text/plain; charset=utf-8",
		"/site.webmanifest":   "application/manifest+json",
		"/assets/app-1a2b.js": "text/javascript; charset=utf-8",
	} {
		for _, accepted := range []string{"", "gzip"} {
			if got := ask(handler, "GET", path, "Accept-Encoding", accepted).Header.Get("Content-Type"); got != kind {
				t.Errorf("%s %q: %q", path, accepted, got)
			}
		}
	}
}

func TestAFileIsToldWithItsLengthAndInParts(t *testing.T) {
	handler := open(t, "")
	for _, method := range []string{"GET", "HEAD"} {
		answer := ask(handler, method, "/", "Accept-Encoding", "br")
		if answer.StatusCode != 200 || answer.Header.Get("Content-Length") != "2" {
			t.Errorf("%s: %d %v", method, answer.StatusCode, answer.Header)
		}
	}
	for part, wanted := range map[string]struct {
		status int
		length string
	}{"bytes=0-3": {206, "4"}, "bytes=-2": {206, "2"}, "bytes=99-": {416, ""}} {
		answer := ask(handler, "GET", "/licenses.txt", "Range", part)
		if answer.StatusCode != wanted.status || answer.Header.Get("Content-Length") != wanted.length {
			t.Errorf("%s: %d %v", part, answer.StatusCode, answer.Header)
		}
		body, _ := io.ReadAll(answer.Body)
		if problem := answer.Header.Get("Content-Type") == "application/problem+json" && strings.HasSuffix(string(body), "}"); problem != (wanted.status == 416) {
			t.Errorf("%s: %v %s", part, answer.Header, body)
		}
	}
	changed := ask(handler, "GET", "/", "Accept-Encoding", "br", "If-Match", `"another"`)
	if changed.StatusCode != 412 || changed.Header.Get("Content-Encoding") != "" || changed.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %v", changed.StatusCode, changed.Header)
	}
	whole := ask(handler, "GET", "/", "Accept-Encoding", "br")
	again := ask(handler, "GET", "/", "Accept-Encoding", "br", "If-None-Match", whole.Header.Get("ETag"))
	if again.StatusCode != 304 || again.Header.Get("Content-Length") != "" || again.Header.Get("Vary") == "" {
		t.Errorf("%d %v", again.StatusCode, again.Header)
	}
}

func TestANameIsNoPattern(t *testing.T) {
	for _, path := range []string{"/%7Bid%7D.json", "/a%20b%25.txt"} {
		if answer := ask(open(t, ""), "GET", path); answer.StatusCode != 200 {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}

func TestARouteOfThePageIsThePageAndWhatIsMissingIsNot(t *testing.T) {
	handler := open(t, "")
	for target, wanted := range map[string]struct {
		accept string
		status int
	}{
		"/orders/7":          {"text/html,*/*;q=0.8", 200},
		"/orders/8":          {"*/*", 200},
		"/orders/9":          {"application/json", 404},
		"/orders":            {"", 404},
		"/old.png":           {"text/html", 404},
		"/assets/gone":       {"text/html", 404},
		"/index.html.br":     {"text/html", 404},
		"/assets/notes.txt":  {"*/*", 404},
		"/../main.go":        {"text/html", 404},
		"/assets/..%2findex": {"text/html", 404},
	} {
		answer := ask(handler, "GET", target, "Accept", wanted.accept)
		if answer.StatusCode != wanted.status {
			t.Errorf("%s: %d", target, answer.StatusCode)
		}
		if kind := answer.Header.Get("Content-Type"); answer.StatusCode == 404 && kind != "application/problem+json" {
			t.Errorf("%s: %s", target, kind)
		}
	}
}

func TestWhatAPageLoadsIsNoPage(t *testing.T) {
	// An import takes "*/*" as curl does: https://github.com/fastly/compute-js-static-publish/issues/50
	handler := open(t, "")
	for mode, status := range map[string]int{"navigate": 200, "cors": 404, "no-cors": 404, "same-origin": 404} {
		answer := ask(handler, "GET", "/gone", "Accept", "text/html,*/*", "Sec-Fetch-Mode", mode)
		if answer.StatusCode != status {
			t.Errorf("%s: %d", mode, answer.StatusCode)
		}
		if status == 404 && answer.Header.Get("Cache-Control") != never {
			t.Errorf("%s: %v", mode, answer.Header)
		}
	}
}

func TestEachAnswerIsProtected(t *testing.T) {
	handler := open(t, "")
	for _, path := range []string{"/", "/favicon.svg", "/nothing", "/api/items"} {
		header := ask(handler, "GET", path, "X-Forwarded-Proto", "https").Header
		policy := header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'self'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %q", path, policy)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: %v", path, header)
		}
	}
	if ask(handler, "GET", "/").Header.Get("Strict-Transport-Security") != "" {
		t.Error("said without TLS")
	}
}

func TestTheBackEndIsAskedBelowAPI(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Location", "/items/7")
		w.Header().Set("X-Request-ID", "its-own")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.String()+" "+r.Header.Get("X-Request-ID")+" "+r.Header.Get("X-Forwarded-For")+" "+string(body))
	}))
	defer backend.Close()
	handler := open(t, backend.URL)
	request := httptest.NewRequest("POST", "/api/items?limit=2&name=a%2Fb", strings.NewReader(`{"name": "bolt"}`))
	request.Header.Set("X-Request-ID", "caller-1")
	request.Header.Set("X-Forwarded-For", "203.0.113.7")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	if got, want := answer.Body.String(), `POST /items?limit=2&name=a%2Fb caller-1 203.0.113.7, 192.0.2.1 {"name": "bolt"}`; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if answer.Code != 201 || answer.Header().Get("Location") != "/api/items/7" {
		t.Errorf("%d %v", answer.Code, answer.Header())
	}
	if ids := answer.Header().Values("X-Request-ID"); len(ids) != 1 || ids[0] != "caller-1" {
		t.Errorf("%v", ids)
	}
}

func TestWhatTheBackEndSaysOfItsPathsIsLedBelowAPI(t *testing.T) {
	var address string
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", strings.ReplaceAll(r.URL.Query().Get("to"), "BACKEND", address))
		w.Header().Set("X-Content-Type-Options", "nosniff")
		// A path without /api is never sent again: https://github.com/chimurai/http-proxy-middleware/issues/78
		w.Header().Add("Set-Cookie", "a=1; Path=/session; HttpOnly")
		w.Header().Add("Set-Cookie", "b=2; path=/; Secure")
		w.WriteHeader(http.StatusSeeOther)
	}))
	defer backend.Close()
	address = backend.URL
	for base, places := range map[string]map[string]string{
		"": {
			"/items/7?a=b%23":       "/api/items/7?a=b%23",
			"BACKEND/items/7":       "/api/items/7",
			"https://example.com/x": "https://example.com/x",
			"//example.com/x":       "//example.com/x",
		},
		"/v1": {"/v1/items/7": "/api/items/7", "BACKEND/v1/items/7": "/api/items/7"},
	} {
		handler := open(t, backend.URL+base)
		for place, wanted := range places {
			header := ask(handler, "GET", "/api/items?to="+url.QueryEscape(place)).Header
			if got := header.Get("Location"); got != wanted {
				t.Errorf("%s: %q, not %q", place, got, wanted)
			}
			if got := header["Set-Cookie"]; len(got) != 2 || got[0] != "a=1; Path=/api/session; HttpOnly" || got[1] != "b=2; path=/; Secure" {
				t.Errorf("%q", got)
			}
			if len(header["X-Content-Type-Options"]) != 1 {
				t.Error(header)
			}
		}
	}
}

func TestNoPathLeadsOutOfTheBackEndsOwn(t *testing.T) {
	// https://github.com/BaseIntelligence/bounty-challenge/issues/6583
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != "/v1/items/a%2Fb" {
			t.Error(r.URL.EscapedPath())
		}
	}))
	defer backend.Close()
	handler := open(t, backend.URL+"/v1")
	for path, status := range map[string]int{
		"/api/items/a%2Fb": 200, "/api/..%2fadmin": 404, "/api/%2e%2e/admin": 404, "/api/items/..%2f..%2fadmin": 404, "/api/../admin": 404,
	} {
		if answer := ask(handler, "GET", path); answer.StatusCode != status {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}

func TestTheCallersWordForTheHostIsNotHandedOn(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-Host")+" "+r.Header.Get("X-Forwarded-Proto"))
	}))
	defer backend.Close()
	answer := ask(open(t, backend.URL), "GET", "http://shop.example.com/api/", "X-Forwarded-Host", "evil.example.com", "X-Forwarded-Proto", "https")
	if body, _ := io.ReadAll(answer.Body); string(body) != "shop.example.com https" {
		t.Errorf("%q", body)
	}
}

func TestABackEndThatIsNotThereIsUnavailable(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, address := range []string{"", gone.URL} {
		answer := ask(open(t, address), "GET", "/api/items")
		if answer.StatusCode != 503 || answer.Header.Get("Retry-After") != "1" {
			t.Errorf("%q: %d %v", address, answer.StatusCode, answer.Header)
		}
	}
	if answer := ask(open(t, gone.URL), "GET", "/readyz"); answer.StatusCode != 503 {
		t.Error(answer.Status)
	}
}

func TestOnlyAnAddressIsABackEnd(t *testing.T) {
	for _, wrong := range []string{"backend:8000", "ftp://backend", "http://", "http://user:secret@backend", "http://backend?a=b", "/backend"} {
		if err := new(BackendURL).UnmarshalText([]byte(wrong)); err == nil {
			t.Error(wrong)
		}
	}
	address := BackendURL{new(url.URL)}
	if err := address.UnmarshalText([]byte("https://backend.example.com/v1")); err != nil || address.Path != "/v1" {
		t.Error(err, address)
	}
}
