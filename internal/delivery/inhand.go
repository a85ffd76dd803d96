package delivery

// InHand returns how many devices in memory wait for a worker, how many are with a worker, and how many more find room.
func (e *Engine) InHand() (waiting, working, free int) {
	waiting, working, free = e.queue.inHand()
	w, b, _ := e.online.inHand()
	return waiting + w, working + b, free
}

func (q *queue) inHand() (waiting, working, free int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.line.Len(), len(q.busy), q.spare()
}
