package protocol

import (
	"context"
	"net"
	"time"
)

// lookup returns the addresses of a host, the best one first.
type lookup func(ctx context.Context, host string) ([]net.IPAddr, error)

// dialed is what became of one address.
type dialed struct {
	conn net.Conn
	err  error
}

// dialFirst connects to the address of a host that answers first: IPv6 and IPv4 take turns, and each is
// begun when the one before has failed, or limitNextAddressAfter after it (RFC 8305, REQ-CONN-25). The
// standard library tries the addresses of one family one after the other. Nothing of it runs any more
// when it returns.
func dialFirst(ctx context.Context, find lookup, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	found, err := find(ctx, host)
	if err != nil {
		return nil, err
	}
	addresses := interleaved(found)
	ctx, cancel := context.WithCancel(ctx)
	ends := make(chan dialed)
	running := 0
	defer func() {
		cancel()
		for ; running > 0; running-- {
			if late := <-ends; late.conn != nil {
				_ = late.conn.Close()
			}
		}
	}()
	for {
		var next <-chan time.Time
		if len(addresses) > 0 {
			to := net.JoinHostPort(addresses[0].String(), port)
			addresses = addresses[1:]
			running++
			go func() {
				conn, err := new(net.Dialer).DialContext(ctx, "tcp", to)
				ends <- dialed{conn, err}
			}()
			next = time.After(limitNextAddressAfter)
		}
		if len(addresses) == 0 {
			next = nil
		}
		select {
		case end := <-ends:
			running--
			if end.err == nil {
				return end.conn, nil
			}
			if err == nil {
				err = end.err
			}
			if running == 0 && len(addresses) == 0 {
				return nil, err
			}
		case <-next:
		}
	}
}

// interleaved returns the addresses so that the families take turns, the family of the best one first.
func interleaved(found []net.IPAddr) []net.IPAddr {
	var families [2][]net.IPAddr
	for _, address := range found {
		other := 0
		if (address.IP.To4() == nil) != (found[0].IP.To4() == nil) {
			other = 1
		}
		families[other] = append(families[other], address)
	}
	turns := make([]net.IPAddr, 0, len(found))
	for i := range max(len(families[0]), len(families[1])) {
		for _, family := range families {
			if i < len(family) {
				turns = append(turns, family[i])
			}
		}
	}
	return turns
}
