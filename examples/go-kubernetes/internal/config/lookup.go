package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unicode"
)

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
	if err != nil {
		// Without the path: who mixes up the two names has put the secret itself there.
		var pathError *fs.PathError
		if errors.As(err, &pathError) {
			err = pathError.Err
		}
		return "", fmt.Errorf("%s_FILE: expected the path of a readable file: %w", name, err)
	}
	return strings.TrimRightFunc(string(content), unicode.IsSpace), nil
}
