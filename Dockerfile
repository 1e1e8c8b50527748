# The image holds the static program and the certificates that it trusts. It needs a key, in a file that user 65532 may read,
# and keeps its store in /data:
#
#   docker build -t refreshd .
#   docker run --rm -p 8080:8080 -v "$PWD/secret:/secret:ro" -e REFRESH_SECRET_FILE=/secret -v refreshd:/data refreshd
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /refreshd ./cmd/refreshd && mkdir /data

FROM scratch
COPY --from=build /refreshd /refreshd
# For --issuer-jwks and PostgreSQL over TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# The store is in the working folder unless REFRESH_STORE says otherwise. Without a volume, revocations are gone with the container.
COPY --from=build --chown=65532:65532 /data /data
WORKDIR /data
VOLUME /data
# No name is known in an empty image: this is the usual number of "nonroot".
USER 65532:65532
# Inside a container loopback reaches nobody. Publish 9090, the listener for operations, to your own network only.
ENV REFRESH_LISTEN=:8080 REFRESH_OPS_LISTEN=:9090
EXPOSE 8080 9090
ENTRYPOINT ["/refreshd"]
