// Launcher of the Go testing kit: a fake server on loopback under a script file (TESTING-KIT.md, 6). Ends with
// its stdin, where that is a pipe, or by SIGTERM.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/SmooAI/smooth-operator/go/protocol/protocoltest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	file := flag.String("script", "", "script file; without one every message gets one friendly answer")
	port := flag.Int("port", 0, "port to listen on; 0 is a free one")
	flag.Parse()
	server := protocoltest.New()
	defer server.Close()
	if *file == "" {
		server.OnMessage().Tokens("Hello", " ", "from the fake server.").Finish()
	} else {
		document, err := os.ReadFile(*file)
		if err != nil {
			return err
		}
		if err := server.Script(document); err != nil {
			return err
		}
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, os.Interrupt)
	url, err := server.Listen(*port)
	if err != nil {
		return err
	}
	fmt.Println("listening on " + url)
	if stdin, err := os.Stdin.Stat(); err == nil && stdin.Mode()&os.ModeNamedPipe != 0 {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // whatever ends it
			end <- syscall.SIGTERM
		}()
	}
	<-end
	return nil
}
