package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"time"
)

// Wait is what `exec-shim ready` waits for.
type Wait struct {
	Ports   []Port  `json:"ports"`
	Seconds float64 `json:"seconds"`
}

// ready waits beside a service that runs on its own until each port is open, then prints the addresses under which
// others reach it, a line each. The engine can't look into that network; this process is in it.
func ready(argument string) int {
	wait := Wait{Seconds: 60}
	if err := json.Unmarshal([]byte(argument), &wait); err != nil {
		fmt.Fprintf(os.Stderr, "gauntlet: parse what to wait for: %v\n", err)
		return 255
	}
	late := time.Now().Add(time.Duration(wait.Seconds * float64(time.Second)))
	for _, port := range wait.Ports {
		for !port.SkipHealthcheck && !port.listening() {
			if time.Now().After(late) {
				fmt.Fprintf(os.Stderr, "gauntlet: nothing listened on %s port %d within %g s\n", port.Protocol, port.Port, wait.Seconds)
				return 1
			}
			time.Sleep(pollEvery)
		}
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		fmt.Fprintf(os.Stderr, "gauntlet: read the network's addresses: %v\n", err)
		return 1
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
			fmt.Println(network.IP)
		}
	}
	return 0
}
