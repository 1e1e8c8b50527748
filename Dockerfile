# The image contains the static program and the certificates that it trusts. It needs a key, in a
# file that user 65532 can read, and keeps its store in /data:
#
#   docker build -t refreshd .
#   docker run --rm -p 8080:8080 -v "$PWD/secret:/secret:ro" -e REFRESH_SECRET_FILE=/secret \
#     -v refreshd:/data refreshd
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
RUN mkdir /data && CGO_ENABLED=0 go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X main.version=${VERSION}" -o /refreshd ./cmd/refreshd

FROM scratch
COPY --from=build /refreshd /refreshd
# --issuer-jwks and PostgreSQL over TLS need these certificates.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# Without REFRESH_STORE, the store is a file in the working folder. Without a volume, it is deleted
# together with the container.
COPY --from=build --chown=65532:65532 /data /data
WORKDIR /data
VOLUME /data
# An empty image has no user names. 65532 is the usual ID of "nonroot".
USER 65532:65532
# Loopback inside a container is not reachable from outside, so both addresses listen everywhere.
# Publish 9090, the address for operations, to a private network only.
ENV REFRESH_LISTEN=:8080 REFRESH_OPS_LISTEN=:9090
EXPOSE 8080 9090
# Docker and Compose ask this; Kubernetes has probes of its own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/refreshd", "health"]
ENTRYPOINT ["/refreshd"]
