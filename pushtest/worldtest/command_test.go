//go:build unix

package worldtest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/worldtest"
)

// reading is an app in a shell that prints what it reads and finds, and answers.
const reading = `while read -r line; do echo "$HUSH_PHONE $HUSH_PHONE_TOKEN $line" >&2; id=${line#*\"id\":\"}
echo "{\"id\":\"${id%%\"*}\",\"result\":\"no_data\"}"; done`

func TestAnAppThatIsACommandKnowsItsPhoneAndIsToldOfPushesOnly(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, worldtest.ShellCommand(reading))
	s := newSender(t, w)
	p := w.Android(t, phonetest.Suspended)
	s.push(t, phonetest.Android, p.Token(), "hello")
	w.WaitHandled(t, p, 1)
	waitLogged(t, w, p.Name(), p.Name()+" "+p.Token()+` {"id":"1","phone":"p1","event":"push","data":{"say":"hello"},"allowed":"`)
	if r := p.Records()[0]; r.Result != phonetest.NoData || r.PID == 0 {
		t.Errorf("the record says %+v, want no_data from a process", r)
	}
	if logged(p, `"launch"`) || logged(p, `"state"`) {
		t.Errorf("the app was told of more than pushes\n%s", p.History())
	}
}

func TestAnAppThatWantsAllEventsIsToldOfItsLaunch(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, worldtest.ShellCommand(reading), worldtest.AllEvents())
	p := w.IOS(t, phonetest.Background)
	waitLogged(t, w, p.Name(), `"event":"launch"`)
	waitLogged(t, w, p.Name(), `"event":"state"`)
}

func TestAnAppThatCannotRunIsSaidToBeWhyThereIsNoPhone(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, worldtest.ShellCommand("echo no such app >&2; exit 1"), worldtest.AllEvents())
	var problem struct {
		Errors []struct{ Location, Message string }
	}
	status := call(t, w, "POST", "/phones", `{"platform":"ios","state":"suspended"}`, &problem)
	if status != http.StatusUnprocessableEntity || len(problem.Errors) != 1 || problem.Errors[0].Location != "body.state" ||
		!strings.Contains(problem.Errors[0].Message, "no such app") {
		t.Errorf("POST /phones: %d %+v, want 422 for body.state with what the app said", status, problem)
	}
	if n := len(w.Phones.Phones()); n != 0 {
		t.Errorf("%d phones are there, want none", n)
	}
}
