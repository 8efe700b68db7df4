#!/usr/bin/env bash
# Prints, as Markdown, what was published, and how anyone verifies it.
# Usage: scripts/summary.sh REPOSITORY@DIGEST COMMIT
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 2 && $1 == *@sha256:* ]] || usage
image=$1 commit=$2
inside=$(platforms_of "$image")

echo "### Published"
echo
echo "| image | compressed |"
echo "|---|---|"
for digest in $inside; do
  bytes=$(crane manifest "${image%@*}@$digest" | jq '[.config.size, .layers[].size] | add')
  echo "| \`${image%@*}@$digest\` | $((bytes / 1000000)) MB |"
done
cat <<MARKDOWN

Deploy it by digest: \`$image\`. \`scripts/verify.sh $image\` verifies its signature, provenance, SBOM and scan. Without this repository:

\`\`\`sh
signer=(
  --certificate-identity $builder
  --certificate-oidc-issuer $issuer
  --certificate-github-workflow-sha $commit
)
cosign verify "\${signer[@]}" $image
cosign verify-attestation "\${signer[@]}" --type slsaprovenance1 $image
$(for digest in $inside; do
  echo "cosign verify-attestation \"\${signer[@]}\" --type spdxjson ${image%@*}@$digest"
done)
\`\`\`
MARKDOWN
