package platform

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caarlos0/env/v11"
)

// Service is the service's name.
const Service = "shop"

// Settings is what every service can be told; yours embed it.
type Settings struct {
	Port     Port       `env:"PORT" envDefault:"8080" expected:"a whole number from 1025 to 65535"`
	LogLevel slog.Level `env:"LOG_LEVEL" envDefault:"info" expected:"debug, info, warn or error"`
	Version  string     `env:"VERSION" envDefault:"dev"`
	TracesTo TracesURL  `env:"OTEL_EXPORTER_OTLP_ENDPOINT" expected:"http://host:4318"`
}

func (s *Settings) common() *Settings { return s }

// Port is one that needs no privilege to listen on.
type Port uint16

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Port) UnmarshalText(text []byte) error {
	return parseWhole(p, text, 1025, 65535)
}

// TracesURL is where a receiver of traces listens.
type TracesURL string

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *TracesURL) UnmarshalText(text []byte) error {
	u, err := url.Parse(string(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return errors.New("no address")
	}
	*t = TracesURL(text)
	return nil
}

func parseWhole[T ~uint16 | ~int32](into *T, text []byte, least, most int) error {
	number, err := strconv.Atoi(string(text))
	if err != nil || number < least || number > most {
		return errors.New("out of range")
	}
	*into = T(number)
	return nil
}

// Secret is a text that no log and no error shows; string(secret) is the value.
type Secret string

const redacted = "[redacted]"

// Format implements fmt.Formatter, for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler, which JSON and slog use.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Load reads the settings, a pointer to a struct, from the environment, or from the files that NAME_FILE points to.
// The struct's tags are those of https://github.com/caarlos0/env, and `expected`: what to say of a bad value. The value
// itself is never shown: it may be a secret that was put in the wrong place.
func Load(settings any) error {
	params, err := env.GetFieldParams(settings)
	if err != nil {
		return err
	}
	var problems []string
	values := map[string]string{}
	for _, param := range params {
		value, err := lookup(param.Key)
		if err != nil {
			problems = append(problems, err.Error())
		} else if value != "" {
			values[param.Key] = value
		}
	}
	if wrong, ok := errors.AsType[env.AggregateError](env.ParseWithOptions(settings, env.Options{Environment: values})); ok {
		for _, err := range wrong.Errors {
			problems = append(problems, explain(settings, err))
		}
	}
	if problems != nil {
		return Failure{"bad settings", errors.New(strings.Join(problems, "; "))}
	}
	return nil
}

func explain(settings any, err error) string {
	wrong, ok := errors.AsType[env.ParseError](err)
	if !ok {
		return err.Error()
	}
	field, _ := reflect.TypeOf(settings).Elem().FieldByName(wrong.Name)
	name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
	return cmp.Or(name, wrong.Name) + ": expected " + cmp.Or(field.Tag.Get("expected"), wrong.Type.String())
}

// lookup is the value of name, or what the file that name_FILE points to holds; empty where neither is set.
//
// Docker and Kubernetes hand secrets over as files, so that the value itself is in no environment
// that `docker inspect` or a crash report shows.
func lookup(name string) (string, error) {
	value, path := os.Getenv(name), os.Getenv(name+"_FILE")
	if path == "" {
		return value, nil
	}
	if value != "" {
		return "", fmt.Errorf("%s: set %s or %s_FILE, not both", name, name, name)
	}
	content, err := os.ReadFile(path)
	if err != nil || !utf8.Valid(content) {
		return "", fmt.Errorf("%s_FILE: expected the path of a readable text file", name)
	}
	return strings.TrimRightFunc(string(content), unicode.IsSpace), nil
}
