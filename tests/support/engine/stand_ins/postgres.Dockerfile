# Lacks two things that the public image's entry point does: it refuses to begin beside the data of another major, and passes POSTGRES_INITDB_ARGS on.
# https://github.com/docker-library/postgres/blob/master/docker-entrypoint.sh
ARG IMAGE
FROM ${IMAGE}
RUN sed -i \
      -e 's|^\(  initdb .*\) "\$PGDATA"$|\1 ${POSTGRES_INITDB_ARGS:-} "$PGDATA"|' \
      -e 's|^if \[\[ ! -s \$PGDATA/PG_VERSION \]\]; then$|&\n  for old in /var/lib/postgresql/*/docker/PG_VERSION; do [[ ! -s $old ]] \|\| { echo "Error: there appears to be PostgreSQL data in: $old" >\&2; exit 1; }; done|' \
      /usr/local/bin/docker-entrypoint.sh && \
    grep -q INITDB_ARGS /usr/local/bin/docker-entrypoint.sh && \
    grep -q 'appears to be' /usr/local/bin/docker-entrypoint.sh && \
    bash -n /usr/local/bin/docker-entrypoint.sh
