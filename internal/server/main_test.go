package server_test

import (
	"os"
	"testing"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/store/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func pageOf(limit int) client.Page { return client.Page{Limit: limit} }
