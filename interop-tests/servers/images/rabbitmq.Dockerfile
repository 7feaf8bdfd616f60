# Stands in for the official rabbitmq image where no image registry answers (scripts/containers/local-images.mjs).
FROM celeriac-debian:12
RUN apt-get -qq update && apt-get -qq install --yes --no-install-recommends rabbitmq-server
# As the official image does: guest may come from other containers, and the log goes to the console.
RUN echo "loopback_users.guest = false" > /etc/rabbitmq/rabbitmq.conf
ENV RABBITMQ_LOGS=- HOME=/var/lib/rabbitmq
USER rabbitmq
EXPOSE 5672
CMD ["/usr/lib/rabbitmq/bin/rabbitmq-server"]
