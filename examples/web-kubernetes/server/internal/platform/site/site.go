// Package site serves a page that was built before, and passes /api on to the back end.
package site

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/felixge/httpsnoop"

	"github.com/acme/shop/server/internal/platform"
)

const (
	// The build names what lies in this folder by its content: a name never gets another content.
	hashed  = "assets/"
	forever = "public, max-age=31536000, immutable"
	always  = "no-cache" // kept, but asked for again each time: 304 where it is the same
	never   = "no-store"

	index = "index.html"
)

type encoding struct{ name, suffix string }

// kinds are those that Go does not know by itself, and that no look at the content tells.
var kinds = map[string]string{
	".ico":         "image/x-icon",
	".map":         "application/json",
	".txt":         "text/plain; charset=utf-8",
	".webmanifest": "application/manifest+json",
	".woff":        "font/woff",
	".woff2":       "font/woff2",
}

// encodings are the variants that the build wrote beside a file, the best first; the file itself is the last.
var encodings = []encoding{
	{"br", ".br"},
	{"gzip", ".gz"},
	{"", ""},
}

// Site is the page and its back end.
type Site struct {
	Policy map[string]string // Content-Security-Policy: directive to sources

	files   fs.FS
	found   map[string]page
	backend *backend // nil where there is none
}

// page is a file: its kind, and the forms in which it can be sent, the original last.
type page struct {
	kind     string
	variants []variant
}

// variant is one form of a file.
type variant struct {
	name, encoding, etag string
	size                 int64
}

// Open looks at all files once; what is not there then is not found later.
func Open(files fs.FS, backendURL BackendURL) (*Site, error) {
	s := &Site{
		Policy: map[string]string{
			"default-src": "'self'", "base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'none'", "object-src": "'none'",
		},
		files:   files,
		found:   map[string]page{},
		backend: newBackend(backendURL),
	}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return s.add(name)
	})
	if err == nil && s.found[index].variants == nil {
		err = errors.New("the build has no " + index)
	}
	return s, err
}

func (s *Site) add(name string) error {
	for _, encoding := range encodings {
		if original, ok := strings.CutSuffix(name, encoding.suffix); ok && original != name {
			if _, err := fs.Stat(s.files, original); err == nil {
				return nil // comes with the original
			}
		}
	}
	var found page
	for _, encoding := range encodings {
		content, err := fs.ReadFile(s.files, name+encoding.suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		hash := sha256.Sum256(content)
		etag := strconv.Quote(base64.RawURLEncoding.EncodeToString(hash[:12]))
		found.variants = append(found.variants, variant{name + encoding.suffix, encoding.name, etag, int64(len(content))})
		found.kind = kindOf(name, content) // that of the original, which is the last
	}
	s.found[name] = found
	return nil
}

// kindOf is told with each answer: what net/http would make of a compressed variant is "application/x-gzip".
func kindOf(name string, content []byte) string {
	suffix := path.Ext(name)
	return cmp.Or(kinds[suffix], mime.TypeByExtension(suffix), http.DetectContentType(content))
}

// Register adds the routes: each file at its name, but those of the hashed folder as one, and the back end's.
func (s *Site) Register(mux *http.ServeMux) {
	mux.Handle("GET /{$}", s.file(index))
	mux.Handle("GET /"+hashed, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.file(strings.TrimPrefix(r.URL.Path, "/")).ServeHTTP(w, r)
	}))
	for name := range s.found {
		if !strings.HasPrefix(name, hashed) {
			// escaped, for in a pattern braces have a meaning
			mux.Handle("GET "+(&url.URL{Path: "/" + name}).EscapedPath(), s.file(name))
		}
	}
	mux.Handle("/api/", platform.Handler(s.backend.pass))
}

// Middleware is what stands around all routes: the headers that protect the page, and the routes that only the page knows.
func (s *Site) Middleware() []func(http.Handler) http.Handler {
	return []func(http.Handler) http.Handler{s.protect, s.fallBack}
}

// Checks asks the back end whether it is alive, where there is one.
func (s *Site) Checks() map[string]platform.Check {
	if s.backend == nil {
		return nil
	}
	return map[string]platform.Check{"backend": s.backend.check}
}

// protect sets the headers that a browser heeds.
func (s *Site) protect(next http.Handler) http.Handler {
	var directives []string
	for _, name := range slices.Sorted(maps.Keys(s.Policy)) {
		directives = append(directives, name+" "+s.Policy[name])
	}
	headers := map[string]string{
		"Content-Security-Policy":    strings.Join(directives, "; "),
		"Cross-Origin-Opener-Policy": "same-origin",
		"Referrer-Policy":            "strict-origin-when-cross-origin",
		"X-Content-Type-Options":     "nosniff",
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		if r.Header.Get("X-Forwarded-Proto") == "https" { // by whoever ends TLS before this; without TLS browsers pass it over
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// fallBack answers a route of the page's own, /orders/7, with the page. A file that is missing is none: it stays a 404,
// and no cache keeps that, for where versions take turns the next one asked may have it.
func (s *Site) fallBack(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Pattern != "" || !isPage(r) {
			if r.Pattern == "" {
				w.Header().Set("Cache-Control", never)
			}
			next.ServeHTTP(w, r)
			return
		}
		r.Pattern = "GET /{route...}"
		s.file(index).ServeHTTP(w, r)
	})
}

// isPage tells whether a browser, or what shows a preview of a link, opens the path as a page.
func isPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || path.Ext(r.URL.Path) != "" {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" { // a browser, that asks for a script, an image or data otherwise
		return mode == "navigate"
	}
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "text/html") || strings.Contains(accept, "*/*")
}

// file answers with the best variant that the caller takes.
func (s *Site) file(name string) http.Handler {
	found, cached := s.found[name], always
	if strings.HasPrefix(name, hashed) {
		cached = forever
	}
	return platform.Handler(func(w http.ResponseWriter, r *http.Request) (err error) {
		header := w.Header()
		if found.variants == nil {
			header.Set("Cache-Control", never)
			return platform.Problem{Status: http.StatusNotFound}
		}
		chosen := found.variants[slices.IndexFunc(found.variants, func(v variant) bool { return v.encoding == "" || takes(r, v.encoding) })]
		file, err := s.files.Open(chosen.name)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		header.Set("Cache-Control", cached)
		header.Set("Content-Type", found.kind)
		header.Set("ETag", chosen.etag)
		if len(found.variants) > 1 {
			header.Set("Vary", "Accept-Encoding")
		}
		if chosen.encoding != "" {
			header.Set("Content-Encoding", chosen.encoding)
			header.Set("Content-Length", strconv.FormatInt(chosen.size, 10)) // which ServeContent leaves out of what is encoded
		}
		var refused int
		http.ServeContent(unless(&refused, w), r, name, time.Time{}, file.(io.ReadSeeker)) // as those of os.DirFS are
		if refused != 0 {
			for _, name := range []string{"Cache-Control", "Content-Encoding", "ETag"} { // of the file
				header.Del(name)
			}
			return platform.Problem{Status: refused}
		}
		return nil
	})
}

// unless keeps back what ServeContent has to say of a part that there is not, 416, or of a condition that fails, 412.
func unless(refused *int, w http.ResponseWriter) http.ResponseWriter {
	return httpsnoop.Wrap(w, httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(status int) {
				if status >= http.StatusBadRequest {
					*refused = status
					return
				}
				next(status)
			}
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(text []byte) (int, error) {
				if *refused != 0 {
					return len(text), nil
				}
				return next(text)
			}
		},
	})
}

// takes reads Accept-Encoding: a coding that is named, and not with the weight 0.
func takes(r *http.Request, encoding string) bool {
	for _, header := range r.Header.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(header, ",") {
			name, weight, _ := strings.Cut(strings.ReplaceAll(part, " ", ""), ";")
			if strings.EqualFold(name, encoding) {
				zero, err := strconv.ParseFloat(strings.TrimPrefix(strings.ToLower(weight), "q="), 64)
				return err != nil || zero > 0
			}
		}
	}
	return false
}
