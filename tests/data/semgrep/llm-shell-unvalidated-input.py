import asyncio
import os
import shlex
import subprocess
import sys

from commands import CHECK, PREPARE


def run(name, path: str, request, count: int = 1):
    # ruleid: llm-shell-unvalidated-input
    os.system(f"convert {name}.png")
    # ruleid: llm-shell-unvalidated-input
    os.system("rm -r " + path)
    # ruleid: llm-shell-unvalidated-input
    subprocess.run(name, shell=True)
    # ruleid: llm-shell-unvalidated-input
    subprocess.check_output("ls %s" % path, shell=True, text=True)
    # ruleid: llm-shell-unvalidated-input
    subprocess.Popen("ls {}".format(path), cwd="/", shell=True)
    # ruleid: llm-shell-unvalidated-input
    os.popen(request.args["command"])
    command = f"git clone {path}"
    # ruleid: llm-shell-unvalidated-input
    subprocess.call(command, shell=True)
    # ruleid: llm-shell-unvalidated-input
    asyncio.create_subprocess_shell(f"echo {sys.argv[1]}")
    # ruleid: llm-shell-unvalidated-input
    subprocess.run(["bash", "-c", f"echo {name}"])
    # ok: llm-shell-unvalidated-input
    os.system("make clean")
    # ok: llm-shell-unvalidated-input
    subprocess.run("ls | wc -l", shell=True)
    # ok: llm-shell-unvalidated-input
    subprocess.run(["convert", name])
    # ok: llm-shell-unvalidated-input
    subprocess.run(f"ls {shlex.quote(path)}", shell=True)
    # ok: llm-shell-unvalidated-input
    subprocess.run(shlex.join(["ls", path]), shell=True)
    constant = "ls -l"
    # ok: llm-shell-unvalidated-input
    subprocess.run(constant, shell=True)
    # ok: llm-shell-unvalidated-input
    subprocess.run(["bash", "-c", "echo $1", "-", name])
    joined = shlex.join(["ls", path])
    # ok: llm-shell-unvalidated-input
    subprocess.run(joined, shell=True)
    # ruleid: llm-shell-unvalidated-input
    subprocess.run(request.command, shell=True)
    # ok: llm-shell-unvalidated-input
    subprocess.run(["convert", "-c", name])
    # ok: llm-shell-unvalidated-input
    subprocess.run(["sh", "-c", f"{PREPARE} && exec {CHECK}"])
    # ok: llm-shell-unvalidated-input
    subprocess.run(PREPARE, shell=True)
    # ruleid: llm-shell-unvalidated-input
    subprocess.run(f"{PREPARE} && exec {name}", shell=True)
