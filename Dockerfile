# One static binary on a small base, run by a user without rights.
FROM golang:1.26.8-alpine AS build
# git: the binary knows the revision that it was built from
RUN apk add --no-cache git
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /hub ./cmd/hub

FROM alpine:3.22
RUN addgroup -S -g 10001 hub && adduser -S -D -H -u 10001 -G hub hub \
	&& install -d -o hub -g hub -m 0700 /var/lib/hub /var/lib/hub-keys
COPY --from=build /hub /usr/local/bin/hub
USER 10001:10001
ENV HUB_DATA=/var/lib/hub HUB_KEYS=file:/var/lib/hub-keys HUB_LISTEN=0.0.0.0:8080
VOLUME ["/var/lib/hub", "/var/lib/hub-keys"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["hub"]
CMD ["serve"]
