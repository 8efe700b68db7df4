# The public image is one file, and is in no package registry; this is its crate, of which 1.0.0-rc1 is the last there. Without a C library, as the public one.
ARG IMAGE
FROM ${IMAGE} AS build
# Compiled soon rather than for speed: its own profile optimises across all crates, which takes minutes on one core.
ENV CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
RUN RUSTFLAGS="-C target-feature=+crt-static" cargo install --quiet --locked --root /out \
    --target "$(rustc -vV | sed -n 's/^host: //p')" --version 1.0.0-rc1 lambda_web_adapter
FROM scratch
COPY --from=build /out/bin/lambda-adapter /lambda-adapter
