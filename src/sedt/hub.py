"""Model packages on the Hugging Face Hub: they come from there by the name `user/name`, or go there.

All of it goes through `huggingface_hub`: its cache works, and so do HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from logging import ERROR
from pathlib import Path
from typing import NamedTuple

import sedt
from sedt.errors import InputError

FILES = ("config.json", "model.safetensors", "README.md")
"""All that is ever downloaded or uploaded: nothing in them can run code."""
NEEDED = FILES[:2]

NAME = re.compile(r"(?P<repo>[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]*)(@(?P<revision>\w[\w./-]*))?", re.ASCII)


class HubName(NamedTuple):
    """A repository, and a branch, tag or commit in it."""

    repo: str
    revision: str | None


def hub_name(text: str) -> HubName | None:
    """`user/name` or `user/name@revision`, taken apart; None if it is neither."""
    found = NAME.fullmatch(text)
    if found is None or ".." in text:
        return None
    return HubName(found["repo"], found["revision"])


def check_repo(text: str) -> str:
    """The name of a repository to write to. Raises InputError: it cannot be one."""
    name = hub_name(text)
    if name is None or name.revision is not None:
        raise InputError(
            f"{text!r}: not the name of a repository: give user/name, of letters, digits, `-`, `_`, `.`"
        )
    with _one_line(text, "checking its name"):
        from huggingface_hub.utils import validate_repo_id

        validate_repo_id(text)
    return text


def download(name: str) -> Path:
    """The folder of a model of the Hub: in the cache, fetched before if it is new.

    Raises:
        InputError: there is no such model, or one may not read it; the Hub cannot be reached and the cache
            does not have it; it lacks a file of a package.
    """
    wanted = hub_name(name)
    if wanted is None:
        raise InputError(f"{name}: not a name on the Hub: give user/name, or user/name@revision")
    with _one_line(name, "downloading"):
        from huggingface_hub import snapshot_download

        folder = Path(
            snapshot_download(
                wanted.repo,
                revision=wanted.revision,
                allow_patterns=list(FILES),
                library_name="sedt",
                library_version=sedt.__version__,
            )
        )
    for file in NEEDED:
        if not (folder / file).is_file():
            raise InputError(f"{name}: has no {file}: on the Hub, but not a model package of sedt")
    return folder


def upload(
    repo: str,
    files: Mapping[str, Path | bytes],
    *,
    private: bool = False,
    token: str | None = None,
    message: str | None = None,
) -> str:
    """Put files into a repository, in one commit; it is made if it is not there. Returns its address.

    Args:
        repo: `user/name`.
        files: by their name there, of `FILES`.
        private: make it so that only its owner sees it; one that is there has to be so already.
        token: the Hub's; none: HF_TOKEN, or that of `hf auth login`.
        message: of the commit.

    Raises:
        InputError: the Hub refuses, or cannot be reached.
    """
    check_repo(repo)
    with _one_line(repo, "uploading"):
        from huggingface_hub import CommitOperationAdd, HfApi

        api = HfApi(token=token, library_name="sedt", library_version=sedt.__version__)
        address = str(api.create_repo(repo, private=private or None, exist_ok=True))
        if private and not api.model_info(repo).private:
            raise InputError(
                f"{repo}: is there already, and public: nothing was uploaded; make it private there first"
            )
        api.create_commit(
            repo,
            [CommitOperationAdd(name, content) for name, content in files.items()],
            commit_message=message or f"Model package of sedt {sedt.__version__}",
        )
    return address


@contextmanager
def _one_line(name: str, action: str) -> Iterator[None]:
    """Whatever goes wrong with the Hub becomes one line; bars are shown on a terminal only."""
    try:
        with _quiet():
            yield
    except InputError:
        raise
    except ImportError as error:
        raise InputError(
            f"{name}: models of the Hub need huggingface_hub: pip install 'sedt[hub]'"
        ) from error
    except Exception as error:  # it has many types, and so have the libraries under it
        raise InputError(f"{name}: {_reason(error, action)}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
        logging,
    )

    level, hidden = logging.get_verbosity(), are_progress_bars_disabled() or sys.stderr.isatty()
    if not hidden:
        disable_progress_bars()
    logging.set_verbosity(ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if not hidden:
            enable_progress_bars()


def _reason(error: BaseException, action: str) -> str:
    """What went wrong, in words of a user."""
    from huggingface_hub import constants, errors

    hub = f"the Hub ({constants.ENDPOINT})"
    chain = _chain(error)
    answer = next((e for e in chain if isinstance(e, errors.HfHubHTTPError)), None)
    if isinstance(answer, errors.GatedRepoError):
        return f"{hub} wants its owner's permission: ask for it on the model's page, then set HF_TOKEN"
    if isinstance(answer, errors.RepositoryNotFoundError):
        return (
            f"no such folder, and no such model on {hub}, or a private one (set HF_TOKEN, or `hf auth login`)"
        )
    if isinstance(answer, errors.RevisionNotFoundError):
        return f"{hub} has the model, but not this revision"
    if answer is not None:
        status = answer.response.status_code
        if status in (401, 403):
            return f"{hub} refuses ({status}): the token is missing or wrong, or does not allow {action}"
        return f"{hub} answers {status} while {action}: {answer.server_message or _first_line(answer)}"
    if any(isinstance(e, errors.OfflineModeIsEnabled) for e in chain):
        return "HF_HUB_OFFLINE is set, and the cache does not have it"
    if any(isinstance(e, errors.LocalEntryNotFoundError) for e in chain):
        return f"{hub} cannot be reached, and the cache does not have it: {_first_line(chain[-1])}"
    line = _first_line(chain[-1])
    hint = "; a server without Xet storage needs HF_HUB_DISABLE_XET=1" if "xet" in line else ""
    return f"{action} failed, {hub}: {line}{hint}"


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and what caused it, the first cause last."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__
    return found


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
