# Stands in for the official python:3.11-slim image where no image registry answers
# (scripts/containers/local-images.mjs). Debian forbids pip outside of virtual environments; the official image does not.
FROM celeriac-debian:12
RUN apt-get -qq update && apt-get -qq install --yes --no-install-recommends python3 python3-pip python-is-python3 \
  && rm -f /usr/lib/python3.11/EXTERNALLY-MANAGED
CMD ["python3"]
