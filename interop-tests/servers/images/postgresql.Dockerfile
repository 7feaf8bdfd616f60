# Stands in for the official postgres image where no image registry answers (scripts/containers/local-images.mjs).
FROM celeriac-debian:12
RUN apt-get -qq update && apt-get -qq install --yes --no-install-recommends postgresql-15
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data
USER postgres
EXPOSE 5432
# A fast shutdown: the usual one waits for clients.
STOPSIGNAL SIGINT
# As the official image does: the first start makes the data, with the user and password of the environment.
CMD ["bash", "-c", "\
  if [ ! -s $PGDATA/PG_VERSION ]; then \
    initdb --username=$POSTGRES_USER --pwfile=<(echo $POSTGRES_PASSWORD) --auth-host=scram-sha-256 --auth-local=trust && \
    echo host all all all scram-sha-256 >> $PGDATA/pg_hba.conf; \
  fi && exec postgres -c listen_addresses=*"]
