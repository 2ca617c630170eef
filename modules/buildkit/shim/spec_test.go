package main

import "testing"

func TestOnlyPlainExitCodesSatisfyAnExpectation(t *testing.T) {
	for expected, codes := range map[string]map[int]bool{
		"SUCCESS": {0: true, 1: false, 127: false, 137: false},
		"FAILURE": {0: false, 1: true, 127: true, 128: false, 137: false},
		"ANY":     {0: true, 1: true, 127: true, 128: false, 137: false},
	} {
		for code, want := range codes {
			if got := (&Spec{Expect: expected}).satisfied(code); got != want {
				t.Errorf("%s with code %d: got %v", expected, code, got)
			}
		}
	}
}

func TestWrongSpecificationsAreRefused(t *testing.T) {
	for _, text := range []string{
		`{`,
		`{"args":[]}`,
		`{"args":["x"],"expect":"MAYBE"}`,
		`{"args":["x"],"services":[{"name":"../db","root":"/r","args":["y"]}]}`,
		`{"args":["x"],"services":[{"name":"db","root":"/r"}]}`,
		`{"args":["x"],"services":[{"name":"a","args":["y"],"ports":[{"port":1}]},{"name":"b","args":["y"],"ports":[{"port":1,"protocol":"TCP"}]}]}`,
		`@/nonexistent`,
	} {
		if spec, err := loadSpec(text); err == nil {
			t.Errorf("%s was taken for %+v", text, spec)
		}
	}
}

func TestOnePortMayBeBothTCPAndUDP(t *testing.T) {
	_, err := loadSpec(`{"args":["x"],"services":[{"name":"dns","args":["y"],"ports":[{"port":53},{"port":53,"protocol":"UDP"}]}]}`)
	if err != nil {
		t.Error(err)
	}
}

func TestPortsAreReadFromTheKernelsTable(t *testing.T) {
	table := "  sl  local_address rem_address   st tx_queue rx_queue\n" +
		"   0: 0100007F:1538 00000000:0000 0A 00000000:00000000\n" +
		"   1: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0\n" +
		"   2: 0100007F:C001 0100007F:1F90 01 00000000:00000000\n"
	for port, want := range map[int]bool{5432: true, 80: true, 8080: false, 0xC001: false} {
		if got := bound(table, port, "0A"); got != want {
			t.Errorf("port %d: got %v", port, got)
		}
	}
}
