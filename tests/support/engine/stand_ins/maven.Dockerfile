# Its JDK is Debian's, whose jlink leaves out zlib, for Debian has it: here it adds zlib, as a public image's JDK brings its own.
ARG IMAGE
FROM ${IMAGE}
WORKDIR /opt/java/openjdk/bin
RUN mv jlink jlink-without-zlib
COPY --chmod=755 <<'EOF' jlink
#!/bin/sh
jlink-without-zlib "$@" || exit
while [ "$1" != --output ]; do shift; done
cp -L "/usr/lib/$(uname -m)-linux-gnu/libz.so.1" "$2/lib/"
EOF
WORKDIR /
