package apnstest_test

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/hushpush/hush/pushtest/apnstest"
)

// withCertificate makes w a sender with a certificate.
func (w *world) withCertificate(from *apnstest.Server, topics []string, envs ...apnstest.Environment) {
	w.t.Helper()
	cert, err := from.ClientCertificate(topics, envs...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.client = w.Client(cert)
	w.t.Cleanup(w.client.CloseIdleConnections)
}

func TestCertificatesStandInForProviderTokens(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.register(apnstest.Token{Token: token(2), Topic: "com.example.other", Online: true})
	w.withCertificate(w.Server, []string{topic})
	w.send(without("authorization")).mustBe(t, 200, "", "with its topic")
	w.send(without("authorization"), without("apns-topic")).mustBe(t, 200, "", "its one topic need not be said")
	w.send(header("authorization", "bearer rubbish")).mustBe(t, 200, "", "a provider token beside it is ignored")
	w.send(header("apns-topic", "com.example.other"), to(token(2))).mustBe(t, 400, "TopicDisallowed", "a topic that it does not list")
	w.send(header("apns-topic", topic+".voip"), header("apns-push-type", "voip")).mustBe(t, 200, "", "its topic with a suffix")
	w.send(header("apns-topic", topic+".location-query"), header("apns-push-type", "location")).mustBe(t, 400, "TopicDisallowed", "location is for provider tokens")
	w.withCertificate(w.Server, []string{topic, "com.example.other"})
	w.send(without("apns-topic")).mustBe(t, 400, "MissingTopic", "one of several topics must be said")
	w.send(header("apns-topic", "com.example.other"), to(token(2))).mustBe(t, 200, "", "the second of its topics")
}

func TestCertificatesHaveAnEnvironmentAndAnAuthority(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.withCertificate(w.Server, []string{topic}, apnstest.Production)
	w.send().mustBe(t, 200, "", "for production")
	w.withCertificate(w.Server, []string{topic}, apnstest.Development)
	w.send().mustBe(t, 403, "BadCertificateEnvironment", "for development")
	other := apnstest.New(t)
	w.withCertificate(other, []string{topic})
	w.send().mustBe(t, 403, "BadCertificate", "of another authority")

	w = setup(t, apnstest.Set("certificate.handshake", "true"))
	w.withCertificate(other, []string{topic})
	if a, err := w.try(w.request()); err == nil {
		t.Errorf("a bad certificate was answered with %+v, want the handshake to fail", a)
	}
}

func TestCertificatesForVoIPAreForThatAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	cert, err := w.VoIPCertificate(topic)
	if err != nil {
		t.Fatal(err)
	}
	w.client = w.Client(cert)
	defer w.client.CloseIdleConnections()
	voip := header("apns-push-type", "voip")
	w.send(voip, header("apns-topic", topic+".voip")).mustBe(t, 200, "", "its topic")
	w.send(voip, without("apns-topic")).mustBe(t, 200, "", "its topic, not said")
	w.send(without("apns-push-type"), without("apns-topic")).mustBe(t, 200, "", "as before there were push types")
	w.send().mustBe(t, 400, "TopicDisallowed", "a background push")
	w.send(header("apns-topic", topic+".complication"), header("apns-push-type", "complication")).mustBe(t, 400, "TopicDisallowed", "another suffix")
}

func TestWhatAListedBundleIDStandsForIsASwitch(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]apnstest.Reason{"all": "", "voip": "TopicDisallowed"} {
		w := setup(t, apnstest.Set("certificate.suffixes", word))
		w.withCertificate(w.Server, []string{topic})
		w.send(header("apns-topic", topic+".voip"), header("apns-push-type", "voip")).mustBe(t, 200, "", word+": .voip")
		status := map[apnstest.Reason]int{"": 200, "TopicDisallowed": 400}[want]
		w.send(header("apns-topic", topic+".push-type.widgets"), header("apns-push-type", "widgets")).mustBe(t, status, want, word+": widgets")
	}
}

func TestASecondStartOnADirectoryMakesNoNewFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := setup(t, apnstest.Files(dir))
	before, _ := os.ReadFile(filepath.Join(dir, "client.p12"))
	again := apnstest.New(t, apnstest.Topics(topic), apnstest.Files(dir))
	after, _ := os.ReadFile(filepath.Join(dir, "client.p12"))
	if string(before) != string(after) || string(again.CAPEM()) != string(w.CAPEM()) || string(again.Key().PEM) != string(w.Key().PEM) {
		t.Error("a second start on the same directory made new files")
	}
}

func TestAForeignCAIsNotTrusted(t *testing.T) {
	t.Parallel()
	w, other := setup(t), apnstest.New(t)
	w.client = &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: other.Pool()}}}
	if _, err := w.try(w.request()); err == nil {
		t.Error("a client that trusts another CA connected")
	}
}
