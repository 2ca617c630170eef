import os
import stat
import subprocess
from pathlib import Path


def run(path: Path, fd: int, other):
    # ruleid: llm-broad-file-permissions
    os.chmod(path, 0o777)
    # ruleid: llm-broad-file-permissions
    os.chmod(path, 0o666)
    # ruleid: llm-broad-file-permissions
    path.chmod(0o722)
    # ruleid: llm-broad-file-permissions
    os.fchmod(fd, 0o1777)
    # ruleid: llm-broad-file-permissions
    path.chmod(mode=0o777)
    # ok: llm-broad-file-permissions
    path.mkdir(mode=0o777)
    # ok: llm-broad-file-permissions
    os.open(path, os.O_CREAT, 0o666)
    # ruleid: llm-broad-file-permissions
    os.chmod(path, stat.S_IRUSR | stat.S_IWOTH)
    # ruleid: llm-broad-file-permissions
    os.umask(0)
    # ruleid: llm-broad-file-permissions
    subprocess.run(["chmod", "-R", "777", path])
    # ruleid: llm-broad-file-permissions
    subprocess.run(["chmod", "a+rwx", path])
    # ok: llm-broad-file-permissions
    os.chmod(path, 0o600)
    # ok: llm-broad-file-permissions
    path.chmod(0o755)
    # ok: llm-broad-file-permissions
    path.mkdir(mode=0o750)
    # ok: llm-broad-file-permissions
    os.umask(0o077)
    # ok: llm-broad-file-permissions
    os.umask(0o022)
    # ok: llm-broad-file-permissions
    os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
    # ok: llm-broad-file-permissions
    subprocess.run(["chmod", "700", path])
    # ok: llm-broad-file-permissions
    subprocess.run(["chmod", "+x", path])
    # ok: llm-broad-file-permissions
    other(mode="r")


def mask():
    # ok: llm-broad-file-permissions
    old = os.umask(0)
    os.umask(old)
    return old


def open_to_all(path):
    # ruleid: llm-broad-file-permissions
    old = os.umask(0)
    path.touch()
