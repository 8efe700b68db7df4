# Trusts its registry's certificates by pip's and uv's settings, which poetry and pipenv do not read: this is theirs.
ARG IMAGE
FROM ${IMAGE}
ENV REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
