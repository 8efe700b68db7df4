package config

import (
	"fmt"
	"io"
)

const redacted = "[redacted]"

// Secret is a text that no log and no error shows; string(secret) is the value.
type Secret string

// Format implements fmt.Formatter, for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler, which JSON and slog use.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
