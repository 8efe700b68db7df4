// Judges objects of Istio's kinds as its control plane does when they are applied: `judge FILE...`; others are passed over.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"gopkg.in/yaml.v3"

	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/collections"
)

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
			known, err := judge(one)
			if known {
				judged++
			}
			if err != nil {
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

// judge says whether the object is of a kind of Istio's, and what is wrong with it: a warning is, too.
func judge(one object) (bool, error) {
	for _, schema := range collections.Istio.All() {
		if schema.Kind() != one.Kind || !serves(schema.APIVersion(), schema.GroupVersionAliasKinds(), one) {
			continue
		}
		text, err := json.Marshal(one.Spec)
		if err != nil {
			return true, err
		}
		spec, err := schema.NewInstance()
		if err != nil {
			return true, err
		}
		if err := config.ApplyJSONStrict(spec, string(text)); err != nil {
			return true, err
		}
		meta := config.Meta{
			GroupVersionKind: schema.GroupVersionKind(), Name: one.Metadata.Name, Namespace: one.Metadata.Namespace,
			Domain: "cluster.local", Labels: one.Metadata.Labels, Annotations: one.Metadata.Annotations,
		}
		warning, err := schema.ValidateConfig(config.Config{Meta: meta, Spec: spec})
		if warning != nil {
			err = errors.Join(err, warning)
		}
		return true, err
	}
	return false, nil
}

func serves(version string, aliases []config.GroupVersionKind, one object) bool {
	if version == one.APIVersion {
		return true
	}
	for _, alias := range aliases {
		if alias.GroupVersion() == one.APIVersion {
			return true
		}
	}
	return false
}
