# Stands in for the official zookeeper image where no image registry answers (scripts/containers/local-images.mjs).
FROM celeriac-debian:12
RUN apt-get -qq update && apt-get -qq install --yes --no-install-recommends zookeeper default-jre-headless libslf4j-java \
  && install --directory --owner zookeeper --group zookeeper /data
USER zookeeper
EXPOSE 2181
# As the official image does: the configuration is made of the environment.
CMD ["bash", "-c", "\
  printf '%s\\n' dataDir=/data clientPort=2181 tickTime=$ZOO_TICK_TIME maxClientCnxns=$ZOO_MAX_CLIENT_CNXNS \
    admin.enableServer=$ZOO_ADMINSERVER_ENABLED $ZOO_CFG_EXTRA > /tmp/zoo.cfg && \
  exec java -Xmx128m -cp /usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar \
    org.apache.zookeeper.server.ZooKeeperServerMain /tmp/zoo.cfg"]
