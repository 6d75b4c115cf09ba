//go:build linux

package protocol

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// unanswering returns the port of an address that takes no connection: its queue is full.
func unanswering(t *testing.T, ip string) (port int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	address := &syscall.SockaddrInet4{Addr: [4]byte(net.ParseIP(ip).To4())}
	if err := errors.Join(syscall.Bind(fd, address), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port = bound.(*syscall.SockaddrInet4).Port
	full := &net.TCPAddr{IP: net.ParseIP(ip), Port: port}
	for {
		conn, err := net.DialTimeout("tcp", full.String(), 100*time.Millisecond)
		if err != nil {
			return port
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
}

func found(ips ...string) lookup {
	return func(context.Context, string) (list []net.IPAddr, err error) {
		for _, ip := range ips {
			list = append(list, net.IPAddr{IP: net.ParseIP(ip)})
		}
		return list, nil
	}
}

func TestREQ_CONN_25_AnAddressThatDoesNotAnswerDoesNotCostTheAttempt(t *testing.T) {
	port := unanswering(t, "127.0.0.2")
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP("127.0.0.3"), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := net.JoinHostPort("host.test", strconv.Itoa(port))
	conn, err := dialFirst(t.Context(), found("127.0.0.2", "127.0.0.3"), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.RemoteAddr().(*net.TCPAddr).IP.String(); got != "127.0.0.3" {
		t.Error(got)
	}
}

func TestREQ_CONN_25_WhenNoAddressAnswersTheFirstOnesReasonIsTold(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.4:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	_, err = dialFirst(t.Context(), found("127.0.0.4", "127.0.0.5"), net.JoinHostPort("host.test", port))
	var failed *net.OpError
	if !errors.As(err, &failed) || failed.Addr.(*net.TCPAddr).IP.String() != "127.0.0.4" {
		t.Error(err)
	}
}

func TestREQ_CONN_25_TheFamiliesTakeTurns(t *testing.T) {
	list, _ := found("::1", "::2", "::3", "127.0.0.1", "127.0.0.2")(t.Context(), "")
	var order []string
	for _, address := range interleaved(list) {
		order = append(order, address.String())
	}
	if !slices.Equal(order, []string{"::1", "127.0.0.1", "::2", "127.0.0.2", "::3"}) {
		t.Error(order)
	}
}
