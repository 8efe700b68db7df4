# The public image is one file, and is in no package registry; this is its crate, of which 1.0.0-rc1 is the last there. Without a C library, as the public one.
ARG IMAGE
FROM ${IMAGE} AS build
RUN RUSTFLAGS="-C target-feature=+crt-static" cargo install --quiet --locked --root /out \
    --target "$(rustc -vV | sed -n 's/^host: //p')" --version 1.0.0-rc1 lambda_web_adapter
FROM scratch
COPY --from=build /out/bin/lambda-adapter /lambda-adapter
