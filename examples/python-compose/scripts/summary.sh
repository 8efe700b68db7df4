#!/usr/bin/env bash
# Prints, as Markdown, what was pushed, and how anyone verifies it.
# Usage: scripts/summary.sh REPOSITORY@DIGEST
set -euo pipefail

[[ $# == 1 && $1 == *@sha256:* ]] || { sed -n '3s/^# //p' "$0" >&2; exit 2; }
image=$1
# shellcheck source=scripts/registry.sh
source "$(dirname "$0")/registry.sh"

echo "### Pushed"
echo
echo "| image | compressed |"
echo "|---|---|"
for digest in $(platforms_of "$image"); do
  bytes=$(crane manifest "${image%@*}@$digest" | jq '[.config.size, .layers[].size] | add')
  echo "| \`${image%@*}@$digest\` | $((bytes / 1000000)) MB |"
done
cat <<MARKDOWN

Deploy it by digest: \`$image\`. Who signed it, and how it was built, anyone can verify:

\`\`\`sh
signer=(
  --certificate-identity https://github.com/acme/orders/.github/workflows/ci.yml@refs/heads/main
  --certificate-oidc-issuer https://token.actions.githubusercontent.com
)
cosign verify "\${signer[@]}" $image
cosign verify-attestation "\${signer[@]}" --type slsaprovenance1 $image
\`\`\`
MARKDOWN
