# The image holds the static program and nothing else. It needs a key, in a file that user 65532 may read:
#
#   docker build -t refreshd .
#   docker run --rm -p 8080:8080 -v "$PWD/secret:/secret:ro" -e REFRESH_SECRET_FILE=/secret refreshd
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /refreshd ./cmd/refreshd

FROM scratch
COPY --from=build /refreshd /refreshd
# No name is known in an empty image: this is the usual number of "nonroot".
USER 65532:65532
# Inside a container loopback reaches nobody. Publish 9090, the listener for operations, to your own network only.
ENV REFRESH_LISTEN=:8080 REFRESH_OPS_LISTEN=:9090
EXPOSE 8080 9090
ENTRYPOINT ["/refreshd"]
