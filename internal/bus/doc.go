// Package bus is JetStream: the streams and their limits, the event that goes into them, an embedded server or a
// connection to a cluster, publishing in atomic batches, and consumers with retries and dead letters.
//
// It promises that Publish reports a change as told only when the broker has it durably (each write is synced, or on
// three servers); that a run which does not follow its line's last message is refused by the broker itself, so nobody
// who was paused puts old news behind new; that one refused message takes nobody with it but its own line; that an
// outcome which is not known is called so; and that no event, header, subject or log line holds a personal value or the
// broker's credentials. An embedded store that does not open is put aside, a stream that is missing is made again.
//
// It does not promise that what was told stays: a broker is disposable, so whoever publishes asks Holds and tells again.
// It does not promise exactly once: a consumer knows an event by its id.
package bus
