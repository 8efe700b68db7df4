package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"github.com/acme/shop/server/internal/platform"
)

const (
	prefix  = "/api"
	maxBody = 1 << 20

	connectWithin = 5 * time.Second
	// idleFor is less than the 75 seconds that a service keeps a connection: the one who calls is the one to hang up.
	idleFor = 60 * time.Second
)

// BackendURL is where the back end listens.
type BackendURL struct{ *url.URL }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *BackendURL) UnmarshalText(text []byte) error {
	u, err := url.Parse(string(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("no address")
	}
	b.URL = u
	return nil
}

// backend passes requests on.
type backend struct {
	url   *url.URL
	proxy *httputil.ReverseProxy
}

func newBackend(address BackendURL) *backend {
	if address.URL == nil {
		return nil
	}
	b := &backend{url: address.URL}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: connectWithin}).DialContext
	transport.Proxy = nil // the back end is near
	transport.IdleConnTimeout = idleFor
	transport.MaxIdleConnsPerHost = transport.MaxIdleConns
	transport.DisableCompression = true // what the caller takes is between it and the back end
	b.proxy = &httputil.ReverseProxy{
		Rewrite:        b.rewrite,
		ModifyResponse: b.modify,
		Transport:      otelhttp.NewTransport(transport),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				err = unavailable{err}
			}
			platform.Fail(w, r, err)
		},
	}
	return b
}

// unavailable is a failure of the back end's: a 503, whose reason goes to the log.
type unavailable struct{ error }

func (u unavailable) Unwrap() error { return u.error }

// Unavailable is for the Server's field of that name.
func Unavailable(err error) bool {
	_, yes := errors.AsType[unavailable](err)
	return yes
}

func (b *backend) rewrite(r *httputil.ProxyRequest) {
	r.SetURL(b.url)
	// What comes before this, the load balancer or gateway, has told who asked, and how. The host it hands on as it
	// came: load balancers leave alone what a caller says of X-Forwarded-Host.
	r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
	r.SetXForwarded()
	if told := r.In.Header.Get("X-Forwarded-Proto"); told != "" {
		r.Out.Header.Set("X-Forwarded-Proto", told)
	}
}

// cookiePath is a cookie's own path; "/" stands for all of the site, and stays.
var cookiePath = regexp.MustCompile(`(?i)(;\s*path=)(/[^;/\s])`)

// modify leads what the back end says of its own paths to where they are here.
func (b *backend) modify(response *http.Response) error {
	header := response.Header
	for _, ours := range []string{"X-Request-ID", "X-Content-Type-Options"} { // are there already
		header.Del(ours)
	}
	if location, err := response.Location(); err == nil && location.Host == b.url.Host {
		location.Scheme, location.Host = "", ""
		location.Path = prefix + strings.TrimPrefix(location.Path, strings.TrimSuffix(b.url.Path, "/"))
		header.Set("Location", location.String())
	}
	for number, cookie := range header["Set-Cookie"] {
		header["Set-Cookie"][number] = cookiePath.ReplaceAllString(cookie, "${1}"+prefix+"${2}")
	}
	return nil
}

// pass hands a request on when it has all come: a slow caller costs the back end nothing.
func (b *backend) pass(w http.ResponseWriter, r *http.Request) error {
	if b == nil {
		return platform.Problem{Status: http.StatusServiceUnavailable, Detail: "There is no back end: set BACKEND_URL."}
	}
	if r.ContentLength > maxBody {
		return platform.Problem{Status: http.StatusRequestEntityTooLarge} // at once: the caller may wait to be asked for it
	}
	if slices.ContainsFunc(strings.Split(r.URL.Path, "/"), func(segment string) bool { return segment == "." || segment == ".." }) {
		return platform.Problem{Status: http.StatusNotFound} // `..%2f`, which would lead out of the path of BACKEND_URL
	}
	body, err := io.ReadAll(r.Body) // which the Server ends at its limit
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooLarge:
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return platform.Problem{Status: http.StatusRequestTimeout}
	case err != nil: // chunks that are none, or a caller who is gone
		return platform.Problem{Status: http.StatusBadRequest}
	}
	out := r.Clone(r.Context())
	out.URL.Path, out.URL.RawPath = strings.TrimPrefix(r.URL.Path, prefix), strings.TrimPrefix(r.URL.RawPath, prefix)
	out.Header.Set("X-Request-ID", w.Header().Get("X-Request-ID"))
	out.Body, out.ContentLength, out.TransferEncoding = http.NoBody, int64(len(body)), nil
	if len(body) > 0 {
		out.Body = io.NopCloser(bytes.NewReader(body))
		// Another connection is tried where one that was idle had been closed.
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	b.proxy.ServeHTTP(w, out)
	return nil
}

// check asks whether the back end lives. Not whether it is ready: a page that says what is wrong is better than none.
func (b *backend) check(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url.JoinPath("healthz").String(), nil)
	if err != nil {
		return err
	}
	response, err := b.proxy.Transport.RoundTrip(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("/healthz: %s", response.Status)
	}
	return errors.Join(err, response.Body.Close())
}
