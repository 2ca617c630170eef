package main

import (
	"os"
	"strconv"
	"strings"
)

// listening says whether something listens on the port in this network, without connecting: a connection would show
// in the service's log and may use up its only slot.
func (p Port) listening() bool {
	files, state := []string{"/proc/net/tcp", "/proc/net/tcp6"}, "0A" // TCP_LISTEN
	if p.Protocol == "UDP" {
		files, state = []string{"/proc/net/udp", "/proc/net/udp6"}, "07" // bound, unconnected
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil && bound(string(data), p.Port, state) {
			return true
		}
	}
	return false
}

// bound looks for the port in a table of the kernel: `sl local_address rem_address st …`, addresses as HEX:HEX.
func bound(table string, port int, state string) bool {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != state {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		if value, err := strconv.ParseUint(hex, 16, 16); err == nil && int(value) == port {
			return true
		}
	}
	return false
}
