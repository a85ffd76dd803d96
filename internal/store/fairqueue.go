package store

// turns is a queue in which apps take turns, so that one with much to do does not hold up another. Its zero value is empty.
type fairQueue struct {
	waiting   map[string][]*op // in the order in which they came
	order     []string         // apps with ops, the next one first
	n         int
	rowsTotal int // that its ops are likely to write
}

func (t *fairQueue) add(o *op) {
	if t.waiting == nil {
		t.waiting = map[string][]*op{}
	}
	if len(t.waiting[o.app]) == 0 {
		t.order = append(t.order, o.app)
	}
	t.waiting[o.app] = append(t.waiting[o.app], o)
	t.n++
	t.rowsTotal += o.rows()
}

// peek is the next op, which stays; nil if there is none.
func (t *fairQueue) peek() *op {
	if t.n == 0 {
		return nil
	}
	return t.waiting[t.order[0]][0]
}

// take is the next op; nil if there is none.
func (t *fairQueue) pop() *op {
	if t.n == 0 {
		return nil
	}
	app := t.order[0]
	t.order = t.order[1:]
	list := t.waiting[app]
	o := list[0]
	list[0] = nil
	if len(list) > 1 {
		t.waiting[app] = list[1:]
		t.order = append(t.order, app)
	} else {
		delete(t.waiting, app)
	}
	t.n--
	t.rowsTotal -= o.rows()
	return o
}
