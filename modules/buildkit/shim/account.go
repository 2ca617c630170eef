package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// account is who a process runs as.
type account struct {
	uid, gid int
	groups   []int
	home     string
}

// findAccount looks `name|uid[:group|gid]` up in the passwd and group files as containers do: a bare number need not
// exist (its group is then 0), an explicit group replaces all groups of the user.
func findAccount(wanted, passwd, group string) (account, error) {
	user, groupName, hasGroup := strings.Cut(wanted, ":")
	if user == "" {
		user = "0"
	}
	found := account{home: "/"}
	name := ""
	for _, entry := range entries(passwd, 7) {
		if entry[0] == user || entry[2] == user {
			found.uid, found.gid = number(entry[2]), number(entry[3])
			name, found.home = entry[0], entry[5]
			break
		}
	}
	if name == "" {
		uid, err := strconv.Atoi(user)
		if err != nil || uid < 0 {
			return account{}, fmt.Errorf("unable to find user %s: no matching entries in passwd file", user)
		}
		found.uid = uid
		if uid == 0 {
			found.home = "/root"
		}
	}
	if hasGroup && groupName != "" {
		gid, err := findGroup(groupName, group)
		found.gid = gid
		return found, err
	}
	for _, entry := range entries(group, 4) {
		for member := range strings.SplitSeq(entry[3], ",") {
			if name != "" && member == name {
				found.groups = append(found.groups, number(entry[2]))
			}
		}
	}
	return found, nil
}

func findGroup(wanted, group string) (int, error) {
	for _, entry := range entries(group, 4) {
		if entry[0] == wanted {
			return number(entry[2]), nil
		}
	}
	if gid, err := strconv.Atoi(wanted); err == nil && gid >= 0 {
		return gid, nil
	}
	return 0, fmt.Errorf("unable to find group %s: no matching entries in group file", wanted)
}

// entries are the lines of a colon-separated file that have all their fields. An image need not have the file.
func entries(path string, fields int) [][]string {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	var all [][]string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if entry := strings.Split(lines.Text(), ":"); len(entry) >= fields {
			all = append(all, entry)
		}
	}
	return all
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return value
}
