package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestAConfigFileThatHangsDoesNotKeepTheServerFromStopping(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	yaml := filepath.Join(dir, "hush.yaml")
	if err := os.WriteFile(yaml, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, lines, log := processWithLog(t, "serve", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--config", yaml)
	if !lines.Scan() {
		t.Fatalf("it is not ready: %s", log.String())
	}
	if err := os.Remove(yaml); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(yaml, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	silent, err := os.OpenFile(yaml, os.O_WRONLY, 0) // once the server has opened it to read
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	hangs := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer hangs.Stop()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGTERM while the file hangs: %v; want exit 0\n%s", err, log.String())
	}
}
