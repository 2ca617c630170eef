"""All reports of a run, as bytes by path, and in a directory: the one place here that touches a disk."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from gauntlet_verdict.errors import StoreError
from gauntlet_verdict.text import visible
from gauntlet_verdict.writers import exit_code, run_json

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from gauntlet_verdict.model import Run
    from gauntlet_verdict.writers import Writer

LOGS = "logs"
EVIDENCE = "evidence"
EXIT_CODE = "exit-code"
_OURS = re.compile(r"\.gauntlet-[0-9a-f]{16}\.tmp")
_REMEDIES = {
    errno.ENOSPC: "free some space there, or name another directory with --report-dir",
    errno.EDQUOT: "free some of your quota there, or name another directory with --report-dir",
    errno.EFBIG: "raise the limit on the size of a file (ulimit -f), or name another directory with --report-dir",
    errno.EACCES: "make the directory writable for this user, or name another one with --report-dir",
    errno.EPERM: "make the directory writable for this user, or name another one with --report-dir",
    errno.EROFS: "the file system is read-only: name another directory with --report-dir",
    errno.ENOTDIR: "a file is in the way: remove it, or name another directory with --report-dir",
    errno.EEXIST: "something else is in the way: remove it, or name another directory with --report-dir",
    errno.EISDIR: "a directory is in the way: remove it, or name another directory with --report-dir",
    errno.ELOOP: "a symbolic link is in the way: remove it, or name another directory with --report-dir",
}
_OTHERWISE = "name another directory with --report-dir"


def reports(
    run: Run,
    logs: Mapping[str, str | bytes] | None = None,
    evidence: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, bytes]:
    """Every report by its POSIX path: the reports, a log a stage, what stages keep, and last `exit-code`.

    `logs` are the stages' outputs by stage id; stages without one get no file. `evidence` are the texts by name that a
    stage keeps, by stage id.
    """
    # Imported here: only who wants reports pays for the libraries that write them.
    from gauntlet_verdict.writers import code_quality, feedback, html, junit, sarif  # noqa: PLC0415

    writers: dict[str, Writer] = {
        "run.json": run_json.write,
        "junit.xml": junit.write,
        "results.sarif": sarif.write,
        "gl-code-quality.json": code_quality.write,
        "feedback.json": feedback.write,
        "report.html": html.write,
    }
    documents = {name: write(run) for name, write in writers.items()}
    for stage, log in (logs or {}).items():
        name = log_name(stage)
        # Two ids that differ only in what a file name can't hold share a file rather than lose one log.
        documents[name] = documents.get(name, b"") + (_encoded(log) if isinstance(log, str) else log)
    for stage, texts in (evidence or {}).items():
        documents |= {evidence_name(stage, name): _encoded(text) for name, text in texts.items()}
    documents[EXIT_CODE] = exit_code.write(run)
    return documents


def log_name(stage: str) -> str:
    """The path of a stage's log among the reports: `lint:python` → `logs/lint-python.log`."""
    return f"{LOGS}/{_safe(stage)}.log"


def evidence_name(stage: str, name: str) -> str:
    """The path among the reports of a file that a stage keeps: `test:unit`, `junit.xml` → `evidence/test-unit/…`."""
    return f"{EVIDENCE}/{_safe(stage)}/{_safe(name)}"


def evidence_digests(stage: str, texts: Mapping[str, str]) -> dict[str, str]:
    """What a verdict says of its evidence: the files' paths among the reports, and their digests."""
    return {
        evidence_name(stage, name): f"sha256:{hashlib.sha256(_encoded(text)).hexdigest()}"
        for name, text in texts.items()
    }


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip(".")[:200] or "-"


def write_reports(
    run: Run,
    logs: Mapping[str, str | bytes],
    directory: Path,
    evidence: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[Path, ...]:
    """Write every report into the directory, which is made where there is none, and return their paths.

    Each file is whole or absent at any moment. The old `exit-code` goes first and the new one comes last: who
    finds one finds the reports that belong to it. Runs that write into one directory take turns. Logs and evidence
    of an earlier run's stages are removed; other files are left alone.

    Raises:
        StoreError: the disk is full, the directory can't be written or something is in the way.
    """
    documents = reports(run, logs, evidence)
    folders = _folders(documents)
    with _explained(directory):
        directory.mkdir(parents=True, exist_ok=True)
    with _turn(directory):
        with _explained(directory / LOGS):
            _tidy(directory, keep=frozenset(documents))
        for folder in folders:
            with _explained(directory / folder):
                _own(directory / folder)
        for name, content in documents.items():
            with _explained(directory / name):
                _replace(directory.joinpath(*PurePosixPath(name).parts), content)
        for changed in (*(directory / folder for folder in reversed(folders)), directory):
            with _explained(changed):
                _sync(changed)
    return tuple(directory / name for name in documents)


def _folders(documents: Mapping[str, bytes]) -> list[str]:
    """The folders to make, parents first."""
    parents = {parent.as_posix() for name in documents for parent in PurePosixPath(name).parents}
    return sorted((parents | {LOGS}) - {"."})


def _own(folder: Path) -> None:
    """Make the folder. A link in its place could lead out of the project."""
    if folder.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    folder.mkdir(exist_ok=True)


@contextlib.contextmanager
def _explained(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise StoreError(path, why, _REMEDIES.get(error.errno or 0, _OTHERWISE)) from error


@contextlib.contextmanager
def _turn(directory: Path) -> Generator[None]:
    """Hold the directory against other runs that write reports into it."""
    with _explained(directory):
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some network file systems have no locks; each file is still whole there.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _tidy(directory: Path, keep: frozenset[str]) -> None:
    """Remove the old exit code, logs of stages that are not in this run, and what a killed writer left behind."""
    (directory / EXIT_CODE).unlink(missing_ok=True)
    for entry in _inside(directory / LOGS):
        if _OURS.fullmatch(entry.name) or (entry.suffix == ".log" and f"{LOGS}/{entry.name}" not in keep):
            entry.unlink(missing_ok=True)
    for folder in (entry for entry in _inside(directory / EVIDENCE) if entry.is_dir() and not entry.is_symlink()):
        for entry in _inside(folder):
            if entry.is_file() and entry.relative_to(directory).as_posix() not in keep:
                entry.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
    for entry in directory.iterdir():
        if _OURS.fullmatch(entry.name):
            entry.unlink(missing_ok=True)


def _inside(folder: Path) -> list[Path]:
    """What is in a folder; nothing where there is none, or a link in its place, which could lead out of the project."""
    return [] if folder.is_symlink() or not folder.is_dir() else list(folder.iterdir())


def _replace(path: Path, content: bytes) -> None:
    """Put a whole new file in the place of the old one, on the disk before it is seen."""
    temporary = path.with_name(f".gauntlet-{secrets.token_hex(8)}.tmp")
    try:
        # The usual mode less the umask: a CI host's other users read reports.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with open(handle, "wb") as stream:  # noqa: PTH123 - of a descriptor
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sync(directory: Path) -> None:
    """Bring the renames themselves to the disk."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # file systems that sync no directories
            raise
    finally:
        os.close(handle)


def _encoded(text: str) -> bytes:
    """A log as it was printed: undecodable bytes come back as they were."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return visible(text).encode()
