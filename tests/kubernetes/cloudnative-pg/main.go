// Judges objects of CloudNativePG's kinds as its webhooks do when they are applied: `judge FILE...`; others are passed over.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	apiv1 "github.com/cloudnative-pg/cloudnative-pg/api/v1"
	webhooks "github.com/cloudnative-pg/cloudnative-pg/internal/webhook/v1"
)

func main() {
	judged, failed := 0, false
	for _, path := range os.Args[1:] {
		text, err := os.ReadFile(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		for _, document := range strings.Split(string(text), "\n---\n") {
			var one struct {
				APIVersion, Kind string
				Metadata         struct{ Name string }
			}
			if err := yaml.Unmarshal([]byte(document), &one); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
				os.Exit(2)
			}
			if one.APIVersion != apiv1.SchemeGroupVersion.String() {
				continue
			}
			judged++
			if err := judge(one.Kind, []byte(document)); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %s %s: %v\n", path, one.Kind, one.Metadata.Name, err)
				failed = true
			}
		}
	}
	fmt.Println(judged)
	if failed {
		os.Exit(1)
	}
}

// judge says what is wrong with an object: a warning is, too.
func judge(kind string, document []byte) error {
	var warnings admission.Warnings
	var err error
	switch kind {
	case "Cluster":
		cluster := &apiv1.Cluster{}
		if err := yaml.UnmarshalStrict(document, cluster); err != nil {
			return err
		}
		cluster.Default()
		warnings, err = (&webhooks.ClusterCustomValidator{}).ValidateCreate(context.Background(), cluster)
	case "ScheduledBackup":
		backup := &apiv1.ScheduledBackup{}
		if err := yaml.UnmarshalStrict(document, backup); err != nil {
			return err
		}
		warnings, err = (&webhooks.ScheduledBackupCustomValidator{}).ValidateCreate(context.Background(), backup)
	default:
		return fmt.Errorf("a kind that is not judged here: add it to main.go")
	}
	if err == nil && len(warnings) > 0 {
		return fmt.Errorf("warning: %s", strings.Join(warnings, "; "))
	}
	return err
}
