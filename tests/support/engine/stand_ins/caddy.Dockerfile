# Lacks the capability that the public image's program carries, without which it does not start, and the wget of Alpine.
ARG IMAGE
FROM ${IMAGE}
RUN apt-get update -qq && \
    apt-get install -y -qq --no-install-recommends libcap2-bin wget && \
    rm -rf /var/lib/apt/lists/* && \
    setcap cap_net_bind_service=+ep /usr/bin/caddy
