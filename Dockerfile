# Two stages: Debian 12 builds the static binary, the image holds it and nothing else.
#   docker build -t lintas .
#   docker run --read-only --cap-drop=ALL -p 8080:8080 -v ./lintas.yaml:/etc/lintas/lintas.yaml:ro lintas
# The admin listener is on loopback unless listen.admin.address says otherwise (0.0.0.0:9090 for probes
# from outside the container).

FROM debian:12 AS builder
COPY deploy/packages /tmp/packages
RUN apt-get update \
 && sed 's/#.*//' /tmp/packages | DEBIAN_FRONTEND=noninteractive \
    xargs apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY src src
RUN cmake --preset release-static && cmake --build --preset release-static
RUN mkdir -p /image/etc/ssl/certs \
 && strip -o /image/lintas build/release-static/src/lintas \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && echo 'nobody:x:65534:65534:nobody:/:/' >/image/etc/passwd \
 && echo 'nogroup:x:65534:' >/image/etc/group \
 && /image/lintas --version

FROM scratch
COPY --from=builder /image /
USER nobody
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/lintas"]
CMD ["--role=primary", "--config", "/etc/lintas/lintas.yaml"]
