# Trusts its registry's certificates by a setting of npm's, which yarn does not read: this is yarn's.
ARG IMAGE
FROM ${IMAGE}
ENV YARN_HTTPS_CA_FILE_PATH=/etc/ssl/certs/ca-certificates.crt
