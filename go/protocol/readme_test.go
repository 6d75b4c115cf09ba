package protocol_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// printed is the address that the README shows; the tests put that of their server in its place.
const printed = "ws://127.0.0.1:8787/ws"

// demoServer returns the address of a demonstration server: the one that SMOOTH_OPERATOR_URL names,
// else one of its own.
func demoServer(t *testing.T) string {
	t.Helper()
	if url := os.Getenv("SMOOTH_OPERATOR_URL"); url != "" {
		return url
	}
	program := filepath.Join("..", "..", ".venv", "bin", "smooth-operator-server")
	if _, err := os.Stat(program); err != nil {
		t.Fatal("no demonstration server: run `make setup-python` or set SMOOTH_OPERATOR_URL")
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, program, "--demo", "--port", "0")
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	server.WaitDelay = patience
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = server.Wait()
	})
	line := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		lines.Scan()
		line <- lines.Text()
	}()
	return strings.TrimPrefix(receive(t, line, "the address of the server"), "listening on ")
}

func TestTheBlocksOfTheREADMERunAsPrinted(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]string{}
	for _, found := range regexp.MustCompile("(?s)<!-- run: (\\w+) -->\n```go\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		blocks[found[1]] = found[2]
	}
	// The second block takes the place of the conversation in the first.
	head, _, found := strings.Cut(blocks["quickstart"], "\tchat, err :=")
	if !found || blocks["questions"] == "" {
		t.Fatal("the blocks of the README changed")
	}
	blocks["questions"] = head + blocks["questions"] + "}\n"
	url := demoServer(t)
	for name, shown := range map[string][]string{
		"quickstart": {"17-day return window", "returns.md"},
		"questions":  {"approved:", "completed"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(blocks[name], printed) {
				t.Fatal("the block does not name the server")
			}
			program := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(program, []byte(strings.ReplaceAll(blocks[name], printed, url)), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // a cold build cache is slow
			defer cancel()
			got, err := exec.CommandContext(ctx, "go", "run", program).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, got)
			}
			for _, want := range shown {
				if !strings.Contains(string(got), want) {
					t.Errorf("%q is missing in:\n%s", want, got)
				}
			}
		})
	}
}
