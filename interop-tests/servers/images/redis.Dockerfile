# Stands in for the official redis image where no image registry answers (scripts/containers/local-images.mjs).
FROM celeriac-debian:12
RUN apt-get -qq update && apt-get -qq install --yes --no-install-recommends redis-server \
  && install --directory --owner redis --group redis /data
USER redis
WORKDIR /data
EXPOSE 6379
CMD ["redis-server", "--protected-mode", "no"]
