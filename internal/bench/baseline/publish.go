package baseline

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// PublishBare appends ready messages, at most 1,000, to a stream that allows it as one atomic batch, and returns when
// they are durable. It sets the headers of the batch and nothing else: no expected position, no identifier, no fallback;
// what the messages carry already goes along, so that the bytes can be the product's.
func PublishBare(nc *nats.Conn, batch []*nats.Msg) error {
	if len(batch) == 0 {
		return nil
	}
	id := nats.NewInbox()
	last := len(batch) - 1
	for i, m := range batch {
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		m.Header["Nats-Batch-Id"], m.Header["Nats-Batch-Sequence"] = []string{id}, []string{strconv.Itoa(i + 1)}
		delete(m.Header, "Nats-Batch-Commit")
		if i == last {
			break
		}
		if err := nc.PublishMsg(m); err != nil {
			return err
		}
	}
	batch[last].Header["Nats-Batch-Commit"] = []string{"1"}
	answer, err := nc.RequestMsg(batch[last], 30*time.Second)
	if err != nil {
		return err
	}
	var ack struct {
		Count int `json:"count"`
		Error *struct {
			Code int `json:"err_code"`
		} `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return err
	}
	if ack.Error != nil || ack.Count != len(batch) {
		return errors.New("the batch is refused: " + string(answer.Data))
	}
	return nil
}
