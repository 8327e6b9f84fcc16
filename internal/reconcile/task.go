package reconcile

import (
	"encoding/json"

	"hub"
)

// payload is what a job carries of a task beside its name.
type payload struct {
	Round int  `json:"round,omitempty"`
	Asked bool `json:"asked,omitempty"`
	Turn  bool `json:"turn,omitempty"`
}

// Payload prints what a job carries of the task beside shop and day.
func (t Task) Payload() []byte {
	text, err := json.Marshal(payload{t.Round, t.Asked, t.Turn})
	if err != nil {
		return nil // a number and a flag always print
	}
	return text
}

// ReadTask makes the task of a job: its key is the day. KindPermanent when no task was printed like this.
func ReadTask(n Name, key hub.ExternalID, text []byte) (Task, error) {
	const op = "reading a task"
	var p payload
	day, err := ParseDay(string(key))
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &p)
	}
	if err != nil || p.Round < 0 {
		return Task{}, &hub.Error{Kind: hub.KindPermanent, Code: CodeDayInvalid, Op: op}
	}
	return Task{Name: n, Day: day, Round: p.Round, Asked: p.Asked, Turn: p.Turn}, nil
}
