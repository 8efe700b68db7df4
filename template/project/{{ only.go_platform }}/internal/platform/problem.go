package platform

import (
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"os"
	"reflect"
	"slices"
)

// Problem is an error that the caller is told, in the form of RFC 9457: return it from a Handler.
type Problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail,omitzero"`
	Errors []BrokenRule `json:"errors,omitempty"`
}

// BrokenRule says what was expected of a part of the body.
type BrokenRule struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

func (p Problem) Error() string {
	return fmt.Sprintf("%d %s: %s", p.Status, http.StatusText(p.Status), p.Detail)
}

func (p Problem) write(w http.ResponseWriter) {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	switch p.Status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusRequestEntityTooLarge, http.StatusRequestTimeout:
		w.Header().Set("Connection", "close") // the rest of the body is not waited for
	}
	w.Header().Del("Content-Length") // of the answer that was meant
	writeJSON(w, "application/problem+json", p.Status, p)
}

// Handler is an http.Handler that can fail: a Problem is sent, and any other error logged, and answered by a bare 500.
type Handler func(http.ResponseWriter, *http.Request) error

func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		Fail(w, r, err)
	}
}

// Fail ends a request as a Handler's error does.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	problem := x.problem(r.Context(), err)
	x.broken = x.status != 0
	if problem.Status >= http.StatusInternalServerError || x.broken && problem.Status != closedRequest {
		x.err = err // the request's log line has it
	}
	if !x.broken {
		problem.write(w)
	}
}

// closedRequest is what nginx calls it when the caller has hung up: nobody's fault here.
const closedRequest = 499

// problem is what the caller learns of err.
func (x *exchange) problem(ctx context.Context, err error) Problem {
	if problem, ok := errors.AsType[Problem](err); ok {
		return problem
	}
	if problem, ok := errors.AsType[Problem](context.Cause(ctx)); ok {
		return problem
	}
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooLarge:
		return Problem{Status: http.StatusRequestEntityTooLarge}
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return Problem{Status: closedRequest}
	case errors.Is(err, context.DeadlineExceeded), x.server.Unavailable != nil && x.server.Unavailable(err):
		return Problem{Status: http.StatusServiceUnavailable}
	}
	return Problem{Status: http.StatusInternalServerError}
}

// ReadJSON reads the body into v, a pointer to a struct, and returns what a Handler is to return. If v has a method
// `Validate() []BrokenRule`, the rules that it finds broken are told together with the fields that are of a wrong type.
func ReadJSON(r *http.Request, v any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return Problem{Status: http.StatusUnsupportedMediaType, Detail: "expected application/json"}
	}
	if r.ContentLength > exchangeOf(r.Context()).server.maxBody() {
		return Problem{Status: http.StatusRequestEntityTooLarge} // at once: the caller may wait to be asked for it
	}
	var read jsonReader
	err := json.UnmarshalRead(r.Body, v, json.WithUnmarshalers(json.UnmarshalFromFunc(read.value)))
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooLarge:
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Problem{Status: http.StatusRequestTimeout}
	case err != nil:
		return Problem{Status: http.StatusBadRequest, Detail: "expected JSON"}
	}
	if rules, ok := v.(interface{ Validate() []BrokenRule }); ok && !read.isBroken("#") {
		for _, rule := range rules.Validate() {
			if !read.isBroken(rule.Pointer) {
				read.broken = append(read.broken, rule)
			}
		}
	}
	if read.broken != nil {
		return Problem{Status: http.StatusUnprocessableEntity, Errors: read.broken}
	}
	return nil
}

// jsonReader goes on after a field of a wrong type, to tell all that is broken at once.
type jsonReader struct{ broken []BrokenRule }

func (j *jsonReader) isBroken(pointer string) bool {
	return slices.ContainsFunc(j.broken, func(rule BrokenRule) bool { return rule.Pointer == pointer })
}

func (j *jsonReader) value(from *jsontext.Decoder, v any) error {
	of := reflect.TypeOf(v).Elem()
	if of.Kind() == reflect.Struct && from.PeekKind() == jsontext.KindBeginObject {
		return errors.ErrUnsupported // field by field
	}
	value, err := from.ReadValue()
	if err != nil {
		return err
	}
	if json.Unmarshal(value, v) != nil || of.Kind() == reflect.Struct && value.Kind() == jsontext.KindNull {
		j.broken = append(j.broken, BrokenRule{"#" + string(from.StackPointer()), "expected " + jsonType(of)})
	}
	return nil
}

func jsonType(of reflect.Type) string {
	switch of.Kind() {
	case reflect.Bool:
		return "a boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "an integer"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Pointer:
		return jsonType(of.Elem())
	}
	return "an object"
}

// WriteJSON answers with v.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	writeJSON(w, "application/json", status, v)
}

func writeJSON(w http.ResponseWriter, kind string, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // no data can do that, only a type
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails where the caller has hung up, and there is nobody left to tell
}
