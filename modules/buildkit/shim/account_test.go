package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestAccountsAreFoundAsContainersFindThem(t *testing.T) {
	passwd, group := filepath.Join(t.TempDir(), "passwd"), filepath.Join(t.TempDir(), "group")
	write(t, passwd, "root:x:0:0:root:/root:/bin/sh\nbroken line\napp:x:1000:1001:,,,:/home/app:/bin/sh\n")
	write(t, group, "root:x:0:\nstaff:x:50:other,app\nwheel:x:60:app\n")
	for _, one := range []struct {
		wanted string
		found  account
	}{
		{"", account{0, 0, nil, "/root"}},
		{"app", account{1000, 1001, []int{50, 60}, "/home/app"}},
		{"1000", account{1000, 1001, []int{50, 60}, "/home/app"}},
		{"1234", account{1234, 0, nil, "/"}},
		{"app:staff", account{1000, 50, nil, "/home/app"}},
		{"1234:77", account{1234, 77, nil, "/"}},
	} {
		found, err := findAccount(one.wanted, passwd, group)
		if err != nil {
			t.Errorf("%q: %v", one.wanted, err)
		}
		if found.uid != one.found.uid || found.gid != one.found.gid || found.home != one.found.home || !slices.Equal(found.groups, one.found.groups) {
			t.Errorf("%q: got %+v, want %+v", one.wanted, found, one.found)
		}
	}
	for _, unknown := range []string{"nobody", "app:nogroup", "-1"} {
		if found, err := findAccount(unknown, passwd, group); err == nil {
			t.Errorf("%q was found: %+v", unknown, found)
		}
	}
}

func TestAnImageWithoutPasswdStillHasRoot(t *testing.T) {
	found, err := findAccount("0", "/nonexistent", "/nonexistent")
	if err != nil || found.uid != 0 || found.home != "/root" {
		t.Errorf("got %+v, %v", found, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
