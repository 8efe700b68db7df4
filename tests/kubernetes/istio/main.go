// Judges objects of Istio's kinds as its control plane does when they are applied: `judge FILE...`; others are passed over.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/proto"
	"gopkg.in/yaml.v3"

	"istio.io/api/security/v1beta1"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/validation"
)

const group = "security.istio.io/v1"

// The kinds that are rendered. All that Istio has (collections.Istio) would be twice as many packages to build.
var kinds = map[string]struct {
	spec  func() proto.Message
	judge validation.ValidateFunc
}{
	"AuthorizationPolicy": {func() proto.Message { return &v1beta1.AuthorizationPolicy{} }, validation.ValidateAuthorizationPolicy},
	"PeerAuthentication":  {func() proto.Message { return &v1beta1.PeerAuthentication{} }, validation.ValidatePeerAuthentication},
}

type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name, Namespace     string
		Labels, Annotations map[string]string
	}
	Spec map[string]any
}

func main() {
	judged, failed := 0, false
	for _, path := range os.Args[1:] {
		file, err := os.Open(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		for reader := yaml.NewDecoder(file); ; {
			var one object
			if err := reader.Decode(&one); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
				os.Exit(2)
			}
			if one.APIVersion != group {
				continue
			}
			judged++
			if err := judge(one); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %s %s: %v\n", path, one.Kind, one.Metadata.Name, err)
				failed = true
			}
		}
		file.Close()
	}
	fmt.Println(judged)
	if failed {
		os.Exit(1)
	}
}

// judge says what is wrong with an object: a warning is, too.
func judge(one object) error {
	kind, known := kinds[one.Kind]
	if !known {
		return fmt.Errorf("a kind that is not judged here: add it to main.go")
	}
	text, err := json.Marshal(one.Spec)
	if err != nil {
		return err
	}
	spec := kind.spec()
	if err := config.ApplyJSONStrict(spec, string(text)); err != nil {
		return err
	}
	meta := config.Meta{
		Name: one.Metadata.Name, Namespace: one.Metadata.Namespace, Labels: one.Metadata.Labels, Annotations: one.Metadata.Annotations,
	}
	warning, err := kind.judge(config.Config{Meta: meta, Spec: spec})
	if warning != nil {
		err = errors.Join(err, warning)
	}
	return err
}
