"""uv's own words (0.13), each recorded from a failure that was made on purpose."""

from __future__ import annotations

import pytest

from gauntlet.install_failure import Cause, explain, unreachable

OUTPUTS = {
    Cause.NETWORK: """\
Using CPython 3.11.7 interpreter at: /usr/bin/python
error: Request failed after 3 retries in 5.4s
  cause: Failed to fetch: http://nohost.invalid/simple/six/
  cause: error sending request for url (http://nohost.invalid/simple/six/)
  cause: client error (Connect)
  cause: dns error
""",
    Cause.RESOLUTION: """\
error: No solution found when resolving dependencies
  cause: Because there is no version of six==99.9 and you require six==99.9, we can conclude that your requirements are
unsatisfiable.
""",
    Cause.HASH: """\
Creating virtual environment at: .venv
error: Failed to download `six==1.16.0`
  cause: Hash mismatch for `six==1.16.0`

         Expected:
           sha256:22

         Computed:
           sha256:8a

hint: `six` (v1.16.0) was included because `p` (v1) depends on `six`
""",
    Cause.LOCK: """\
error: Failed to parse `uv.lock`
  cause: TOML parse error at line 1, column 9
""",
    Cause.MANIFEST: """\
error: Failed to parse: pyproject.toml
  cause: TOML parse error at line 6, column 9
""",
    Cause.COMPILER: """\
error: Failed to build `cext @ file:///src/c`
  cause: The build backend returned an error

         [stderr]
         error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'

hint: Build failures usually indicate a problem with the package or the build environment
""",
    Cause.BUILD: """\
error: Failed to build `cext @ file:///src/c`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)

         RuntimeError: broken setup
""",
    Cause.UNKNOWN: "uv: symbol lookup error\n",
}
MORE = [
    (Cause.RESOLUTION, "cause: Because nope was not found in the package registry and you require nope"),
    (Cause.LOCK, "error: Unable to find lockfile at `uv.lock`, but `--frozen` was provided."),
    (Cause.LOCK, "error: The lockfile at `uv.lock` needs to be updated, but `--frozen` was provided"),
    (Cause.CREDENTIALS, "cause: HTTP status client error (401 Unauthorized) for url (https://r.example/simple/)"),
    (Cause.NETWORK, "cause: HTTP status server error (503 Service Unavailable) for url (https://r.example/simple/)"),
    (Cause.PYTHON, "error: The requested interpreter is incompatible with the project's Python requirement: `==3.9.*`"),
]


@pytest.mark.parametrize(("cause", "output"), [*OUTPUTS.items(), *MORE])
def test_whose_fault_it_is_is_read_from_uvs_words(cause: Cause, output: str) -> None:
    assert explain(output).cause is cause


def test_the_message_is_the_error_without_the_noise_around_it() -> None:
    failure = explain(OUTPUTS[Cause.HASH])
    assert failure.message.startswith("error: Failed to download `six==1.16.0`; cause: Hash mismatch for `six==1.16.0`")
    assert "hint" not in failure.message
    assert failure.package == "six==1.16.0"


def test_output_without_an_error_line_gives_its_last_lines() -> None:
    assert explain("one\n\ntwo\n").message == "one; two"


PIP = """\
WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError('<HTTPSConnection \
object at 0x7f>: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/uv/
ERROR: Could not find a version that satisfies the requirement uv==0.13.9 (from versions: none)
ERROR: No matching distribution found for uv==0.13.9
"""
APT = "E: Failed to fetch http://mirror.invalid/InRelease  Temporary failure resolving 'mirror.invalid'\n"


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (PIP, "Temporary failure in name resolution"),
        (APT, "Temporary failure resolving"),
        (OUTPUTS[Cause.NETWORK], "error sending request"),
        ("ERROR: No matching distribution found for uv==99\n", None),
        (OUTPUTS[Cause.HASH], None),
    ],
)
def test_a_registry_that_cannot_be_reached_is_told_in_the_installers_own_words(output: str, said: str | None) -> None:
    assert unreachable(output) == said
