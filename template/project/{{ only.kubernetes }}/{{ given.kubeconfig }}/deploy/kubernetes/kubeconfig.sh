#!/usr/bin/env bash
# Prints the kubeconfig of an environment's deployer, for the secret KUBECONFIG of the environment of that name at GitHub. Run by an administrator.
# Usage: deploy/kubernetes/kubeconfig.sh staging|production | gh secret set KUBECONFIG --env staging|production
set -euo pipefail
# shellcheck source=deploy/kubernetes/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 ]] || usage
choose_environment "$1"
[[ ! -t 1 ]] || { say "this is a secret, and not for a screen: pipe it into gh secret set"; exit 2; }
needs_environment

secret() { kube get secret "$name-deployer-token" --ignore-not-found --output "jsonpath={.data['$1']}"; }
[[ -n $(secret token) ]] ||
  fail "the deployer has no token yet: kubectl apply -k deploy/kubernetes/setup/$environment, then try again"
server=$(kubectl config view --minify --output 'jsonpath={.clusters[0].cluster.server}')

cat <<YAML
apiVersion: v1
kind: Config
current-context: $environment
contexts:
  - name: $environment
    context: { cluster: $environment, user: deployer, namespace: $namespace }
clusters:
  - name: $environment
    cluster: { server: $server, certificate-authority-data: $(secret 'ca\.crt') }
users:
  - name: deployer
    user: { token: $(secret token | base64 --decode) }
YAML
