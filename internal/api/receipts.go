package api

import (
	"context"
	"net/http"
	"sync"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

type receiptsInput struct {
	Body receiptsBody
}

// receiptsBody is a protocol.Receipts whose items are checked each by itself.
type receiptsBody struct {
	Receipts []each[protocol.Receipt] `json:"receipts" maxItems:"1000" doc:"up to 1 000 receipts"`
}

// receiptSchema is what a receipt is checked by.
var receiptSchema = sync.OnceValue(func() *rest.Schema { return rest.SchemaFor[protocol.Receipt](newSchemas()) })

func (a *API) createReceipts(ctx context.Context, c *call, in *receiptsInput) (*rest.Answer[protocol.ReceiptsAnswer], error) {
	answers := make([]protocol.ReceiptAnswer, len(in.Body.Receipts))
	var good []push.Receipt
	var at []int // of each good receipt, in answers
	for i, item := range in.Body.Receipts {
		receipt, id, ok := a.receiptOf(item)
		answers[i] = protocol.ReceiptAnswer{PushID: id, Status: push.ReceiptInvalid}
		if ok {
			good, at = append(good, receipt), append(at, i)
		}
	}
	statuses, open, err := a.Delivery.Receive(ctx, c.device, good)
	if err != nil {
		return nil, gone(err)
	}
	for j, status := range statuses {
		answers[at[j]].Status = status
	}
	return rest.NewAnswer(http.StatusOK, protocol.ReceiptsAnswer{Open: open, Receipts: answers}), nil
}

// receiptOf reads one receipt; ok is false for one with a bad value, whose push id is told as far as it can be.
func (a *API) receiptOf(item []byte) (receipt push.Receipt, id string, ok bool) {
	var b protocol.Receipt
	found, err := readItem(item, receiptSchema(), &b)
	if err != nil {
		return push.Receipt{}, "", false
	}
	receipt, ok = b.Parse()
	return receipt, b.PushID, ok && len(found) == 0
}
