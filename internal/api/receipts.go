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

// receiptsBody is a protocol.Receipts whose items are checked separately.
type receiptsBody struct {
	Receipts []each[protocol.Receipt] `json:"receipts" maxItems:"1000" doc:"up to 1 000 receipts"`
}

// receiptSchema returns the schema of a receipt.
var receiptSchema = sync.OnceValue(func() *rest.Schema { return rest.SchemaFor[protocol.Receipt](newSchemas()) })

func (a *API) createReceipts(ctx context.Context, c *call, in *receiptsInput) (*rest.Answer[protocol.ReceiptsAnswer], error) {
	answers := make([]protocol.ReceiptAnswer, len(in.Body.Receipts))
	var good []push.Receipt
	var at []int // index in answers of each valid receipt
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

// receiptOf parses one receipt. If a value is invalid, ok is false and id is the push id if it could be read.
func (a *API) receiptOf(item []byte) (receipt push.Receipt, id string, ok bool) {
	var b protocol.Receipt
	found, err := readItem(item, receiptSchema(), &b)
	if err != nil {
		return push.Receipt{}, "", false
	}
	receipt, ok = b.Parse()
	return receipt, b.PushID, ok && len(found) == 0
}
