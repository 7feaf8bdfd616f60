# Stands in for the official mariadb image where no image registry answers (scripts/containers/local-images.mjs).
FROM celeriac-debian:12
RUN apt-get -qq update && apt-get -qq install --yes --no-install-recommends mariadb-server \
  && rm -rf /var/lib/mysql/* && install --directory --owner mysql --group mysql /run/mysqld
USER mysql
EXPOSE 3306
# As the official image does: the first start makes the data, with the password and database of the environment. The
# server reads one statement per line.
CMD ["bash", "-c", "\
  [ -d /var/lib/mysql/mysql ] || mariadb-install-db --skip-test-db --auth-root-authentication-method=normal && \
  printf '%s;\\n' \"CREATE USER IF NOT EXISTS root@'%' IDENTIFIED BY '$MARIADB_ROOT_PASSWORD'\" \
    \"GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION\" \"CREATE DATABASE IF NOT EXISTS $MARIADB_DATABASE\" > /tmp/init.sql && \
  exec mariadbd --bind-address=0.0.0.0 --skip-name-resolve --init-file=/tmp/init.sql"]
