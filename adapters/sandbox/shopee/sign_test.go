package shopee

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"testing"
)

// TestVectors signs the shared vectors, calls and pushes, and refuses those that must be refused.
func TestVectors(t *testing.T) {
	raw, err := os.ReadFile("../../../../shared/platforms/vectors/shopee.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("../shared is absent")
	}
	if err != nil {
		t.Fatal(err)
	}
	type refused struct {
		ID                  string
		For                 string `json:"must_be_rejected_for"`
		Authorization, Sign string
	}
	var file struct {
		Vectors []struct {
			ID, Type, Path, Sign, URL, Authorization string
			Partner                                  json.Number `json:"partner_id"`
			Key                                      string      `json:"partner_key"`
			PushKey                                  string      `json:"push_key"`
			Timestamp                                json.Number
			Token                                    string      `json:"access_token"`
			Shop                                     json.Number `json:"shop_id"`
			Merchant                                 json.Number `json:"merchant_id"`
			Body                                     string      `json:"body_b64"`
		}
		Push []refused `json:"negative_push"`
		API  []refused `json:"negative_api"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	made := map[string]string{}
	for _, v := range file.Vectors {
		want := v.Sign
		if v.Type == "push" {
			body, err := base64.StdEncoding.DecodeString(v.Body)
			if err != nil {
				t.Fatal(err)
			}
			made[v.ID], want = signPush(v.PushKey, v.URL, body), v.Authorization
		} else {
			made[v.ID] = signCall(v.Key, v.Partner.String(), v.Path, v.Timestamp.String(), v.Token, v.Shop.String()+v.Merchant.String())
		}
		if !same(made[v.ID], want) {
			t.Errorf("%s: %s", v.ID, made[v.ID])
		}
	}
	bad := append(file.Push, file.API...)
	for _, v := range bad {
		if made[v.For] == "" || same(made[v.For], v.Authorization+v.Sign) {
			t.Errorf("%s is taken for %s", v.ID, v.For)
		}
	}
	if len(file.Vectors) != 19 || len(bad) != 13 {
		t.Errorf("%d vectors, %d to refuse", len(file.Vectors), len(bad))
	}
	t.Logf("%d vectors, %d refused", len(file.Vectors), len(bad))
}
