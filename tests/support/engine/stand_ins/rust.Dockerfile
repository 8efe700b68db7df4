# Lacks the rustup by which the public image adds clippy and rustfmt: here they are Debian's, and rustup has nothing left to do.
ARG IMAGE
FROM ${IMAGE}
RUN apt-get update -qq && \
    apt-get install -y -qq --no-install-recommends rust-clippy rustfmt && \
    rm -rf /var/lib/apt/lists/*
RUN ln -s /bin/true /usr/local/bin/rustup
