"""Models of the Hub: pushed to a stand-in of it on loopback, loaded from there, and all that can go wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants, metadata_load
from typer.testing import CliRunner

import sedt
from hub_server import READ_ONLY, TOKEN, FakeHub, Repo
from sedt.bulk import Job
from sedt.cli.main import app
from sedt.detector import find_model
from sedt.errors import InputError
from sedt.hub import FILES, download, hub_name, upload
from sedt.package import save_package
from small_models import small_package

DEMO = Path(str(files("sedt"))) / "bundled" / "demo"
RECORDING = DEMO.parent / "recording" / "recording.ogg"


def point_to(url: str, patch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT would do, which is read once, when huggingface_hub is imported."""
    patch.setattr(constants, "ENDPOINT", url)
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A Hub with nothing in it, and an empty cache; nobody is logged in."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with FakeHub() as server:
        point_to(server.url, monkeypatch)
        yield server


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def package_files(**changes: bytes | None) -> dict[str, bytes]:
    """Files of the bundled model, by name; a change of None leaves one out."""
    content = {name: (DEMO / name).read_bytes() for name in FILES}
    return {name: data for name, data in {**content, **changes}.items() if data is not None}


def filled(hub: FakeHub, name: str = "me/kitchen", **repo: Any) -> Repo:
    hub.repos[name] = Repo(**repo)
    hub.repos[name].commit(package_files())
    return hub.repos[name]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("me/kitchen", ("me/kitchen", None)),
        ("me/kitchen@v1.0", ("me/kitchen", "v1.0")),
        ("me/kitchen@refs/pr/1", ("me/kitchen", "refs/pr/1")),
        ("kitchen", None),
        ("a/b/c", None),
        ("me/kit chen", None),
        ("./kitchen", None),
        ("../kitchen", None),
        ("~/kitchen", None),
        ("/kitchen", None),
        ("me/", None),
        ("me/kitchen@", None),
        ("me/kitchen@../../x", None),
        ("me\\kitchen", None),
    ],
)
def test_names(text: str, name: tuple[str, str | None] | None) -> None:
    assert hub_name(text) == name


# -- there and back ------------------------------------------------------------------------------------


def test_what_was_pushed_detects_the_same(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    pushed = run("push", "demo", "me/kitchen", "--message", "first")
    assert (pushed.exit_code, pushed.stdout, pushed.stderr) == (0, f"{hub.url}/me/kitchen\n", "")
    assert hub.repos["me/kitchen"].messages == ["initial commit", "first"]
    there = list(hub.repos["me/kitchen"].commits.values())[-1]
    assert set(there) - {".gitattributes"} == set(FILES)
    assert there["model.safetensors"] == (DEMO / "model.safetensors").read_bytes()
    assert b'sedt.load("me/kitchen")' in there["README.md"]

    monkeypatch.delenv("HF_TOKEN")
    found = sedt.load("me/kitchen").detect(RECORDING)
    assert found == sedt.load("demo").detect(RECORDING)
    assert len(found) > 3


def test_revisions(hub: FakeHub) -> None:
    repo = filled(hub)
    old = list(repo.commits)[-1]
    repo.commit(package_files(**{"README.md": b"newer"}))
    assert (download("me/kitchen") / "README.md").read_bytes() == b"newer"
    assert (download(f"me/kitchen@{old}") / "README.md").read_bytes() == (DEMO / "README.md").read_bytes()


def test_nothing_but_the_three_files_is_fetched(hub: FakeHub) -> None:
    repo = filled(hub)
    repo.commit(
        {"pytorch_model.bin": b"\x80\x04.", "sub/config.json": b"{}", "setup.py": b"raise SystemExit"}
    )
    folder = download("me/kitchen")
    assert {path.name for path in folder.rglob("*")} == set(FILES)
    assert not [line for line in hub.asked if "pytorch_model" in line or "setup.py" in line or "sub/" in line]


def test_the_second_time_it_comes_from_the_cache(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(hub)
    folder = download("me/kitchen")
    hub.asked.clear()
    assert download("me/kitchen") == folder
    assert not [line for line in hub.asked if "/resolve/" in line]
    hub.stop()
    assert download("me/kitchen") == folder
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert download("me/kitchen") == folder


def test_workers_all_have_the_model_that_was_looked_up(hub: FakeHub) -> None:
    repo = filled(hub)
    job = Job.of_model("me/kitchen")
    hub.asked.clear()
    repo.commit(package_files(**{"config.json": b"{}"}))
    assert tuple(job.load().classes) == job.classes
    assert hub.asked == []


def test_a_folder_of_that_name_and_a_bundled_model_go_before(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(hub)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "me" / "kitchen").mkdir(parents=True)
    assert find_model("me/kitchen") == Path("me/kitchen")
    assert find_model("demo") == DEMO
    assert hub.asked == []


def test_variables_of_the_environment(tmp_path: Path) -> None:
    """HF_ENDPOINT, HF_TOKEN, HF_HOME and HF_HUB_OFFLINE, in processes of their own and without torch."""
    code = (
        "import sys, pathlib\nfrom sedt.hub import download, upload\n"
        "if sys.argv[1] == 'up':\n"
        "    folder = pathlib.Path(sys.argv[2])\n"
        "    print(upload('me/a', {file.name: file for file in folder.iterdir()}))\n"
        "else:\n"
        "    print(download('me/a'))\n"
        "assert 'torch' not in sys.modules\n"
    )
    with FakeHub() as hub:
        environment = {
            **os.environ,
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / "home"),
            "HF_TOKEN": TOKEN,
            "HF_HUB_DISABLE_XET": "1",
        }

        def python(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-c", code, *arguments],
                env={**environment, **variables},
                capture_output=True,
                text=True,
                check=False,
            )

        up = python("up", str(DEMO))
        assert (up.returncode, up.stdout) == (0, f"{hub.url}/me/a\n"), up.stderr
        down = python("down")
        assert down.returncode == 0, down.stderr
        assert Path(down.stdout.strip()).is_relative_to(tmp_path / "home")
        hub.asked.clear()
        offline = python("down", HF_HUB_OFFLINE="1")
        assert offline.stdout == down.stdout
        assert hub.asked == []
    assert python("down").stdout == down.stdout  # nobody listens any more


# -- loading what cannot be had ------------------------------------------------------------------------


def refuse(hub: FakeHub, status: int) -> None:
    filled(hub)
    hub.refuses_with = status


@pytest.mark.parametrize(
    ("prepare", "token", "name", "words"),
    [
        (lambda hub: None, None, "me/kitchen", "no such folder, and no such model on the Hub"),
        (lambda hub: None, TOKEN, "me/kitchen", "no such folder, and no such model on the Hub"),
        (lambda hub: filled(hub, private=True), None, "me/kitchen", "or a private one (set HF_TOKEN"),
        (lambda hub: filled(hub, private=True), "hf_wrong", "me/kitchen", "or a private one (set HF_TOKEN"),
        (lambda hub: filled(hub, gated=True), READ_ONLY, "me/kitchen", "wants its owner's permission"),
        (filled, None, "me/kitchen@v7", "not this revision"),
        (lambda hub: refuse(hub, 403), None, "me/kitchen", "refuses (403)"),
        (lambda hub: refuse(hub, 418), None, "me/kitchen", "answers 418 while downloading"),
        (lambda hub: hub.stop(), None, "me/kitchen", "cannot be reached, and the cache does not have it"),
    ],
)
def test_one_line_says_why(
    hub: FakeHub, prepare: Any, token: str | None, name: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
    prepare(hub)
    result = run("info", name)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"sedt: {name}: ")
    assert words in result.stderr
    assert hub.url in result.stderr
    assert result.stderr.count("\n") == 1


def test_private_models_open_with_a_token(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(hub, private=True)
    monkeypatch.setenv("HF_TOKEN", READ_ONLY)
    assert (download("me/kitchen") / "config.json").exists()


def test_offline_and_not_in_the_cache(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(hub)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="HF_HUB_OFFLINE is set, and the cache does not have it"):
        download("me/kitchen")
    assert hub.asked == []


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_repository_that_is_no_package(hub: FakeHub, missing: str) -> None:
    hub.repos["me/other"] = Repo()
    hub.repos["me/other"].commit(package_files(**{missing: None}))
    with pytest.raises(InputError, match=f"me/other: has no {missing}: on the Hub, but not a model package"):
        download("me/other")


def test_a_damaged_package_is_named(hub: FakeHub) -> None:
    hub.repos["me/other"] = Repo()
    hub.repos["me/other"].commit(package_files(**{"model.safetensors": b"\x80\x04 a pickle"}))
    with pytest.raises(InputError, match="not a readable safetensors file"):
        sedt.load("me/other")


@pytest.mark.slow
def test_a_server_that_dies_in_the_middle_of_a_file(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, nothing half in its place; and once the server is back, the rest is fetched."""
    repo = filled(hub)
    hub.cut = hub.stop
    with pytest.raises(InputError, match="me/kitchen: ") as caught:
        download("me/kitchen")
    assert "\n" not in str(caught.value)
    assert not list(Path(constants.HF_HUB_CACHE).rglob("snapshots/*/model.safetensors"))
    with FakeHub() as other:
        other.repos["me/kitchen"] = repo
        point_to(other.url, monkeypatch)
        folder = download("me/kitchen")
        assert (folder / "model.safetensors").read_bytes() == (DEMO / "model.safetensors").read_bytes()


def test_without_huggingface_hub(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub.utils", None)
    with pytest.raises(InputError, match=r"need huggingface_hub: pip install 'sedt\[hub\]'"):
        download("me/kitchen")


# -- pushing -------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package, to be changed."""
    save_package(tmp_path / "model", small_package(license="cc-by-3.0"))
    return tmp_path / "model"


SHORT = dict.fromkeys(FILES, b"---\n{}\n---\n")
"""What `upload` takes for a package; to the Hub all files are alike."""


@pytest.mark.parametrize(
    "name",
    ["a/b/c", "me/kit chen", "kitchen", "", "me/x@main", "me/..x", "me/x--y", "me/x.git", "ä/b", "-/x"],
)
def test_names_to_push_to(hub: FakeHub, name: str) -> None:
    result = run("push", "demo", "--", name) if name.startswith("-") else run("push", "demo", name)
    assert result.exit_code == 2
    assert result.stderr.startswith("sedt: ")
    assert result.stderr.count("\n") == 1
    assert hub.asked == []


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (None, "refuses (401): the token is missing or wrong"),
        ("hf_wrong", "refuses (401)"),
        (READ_ONLY, "refuses (403)"),
    ],
)
def test_who_may_not_push(hub: FakeHub, token: str | None, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        upload("me/kitchen", SHORT, token=token)
    assert "\n" not in str(caught.value)
    assert hub.repos == {}


def test_a_damaged_package_is_not_pushed(hub: FakeHub, folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    result = run("push", folder, "me/kitchen", "--token", TOKEN)
    assert result.exit_code == 2
    assert "model.safetensors" in result.stderr
    assert hub.asked == []


def test_only_the_package_goes(hub: FakeHub, folder: Path) -> None:
    for name in ("optimizer.pt", "notes.txt", ".env"):
        (folder / name).write_text("secret")
    assert run("push", folder, "me/kitchen", "--token", TOKEN).exit_code == 0
    assert set(list(hub.repos["me/kitchen"].commits.values())[-1]) == {".gitattributes", *FILES}


def test_private(hub: FakeHub) -> None:
    upload("me/kitchen", SHORT, private=True, token=TOKEN)
    assert hub.repos["me/kitchen"].private
    upload("me/kitchen", SHORT, private=True, token=TOKEN)
    upload("me/other", SHORT, token=TOKEN)
    assert not hub.repos["me/other"].private


def test_private_does_not_go_into_a_public_repository(hub: FakeHub) -> None:
    filled(hub)
    with pytest.raises(InputError, match="is there already, and public: nothing was uploaded"):
        upload("me/kitchen", SHORT, private=True, token=TOKEN)
    assert len(hub.repos["me/kitchen"].commits) == 1
    assert hub.blobs == {}


def test_licence(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    assert run("push", folder, "me/a", "--token", TOKEN, "--licence", "My own words").exit_code == 0
    there = list(hub.repos["me/a"].commits.values())[-1]
    assert json.loads(there["config.json"])["info"]["license"] == "My own words"
    card = tmp_path / "card.md"
    card.write_bytes(there["README.md"])
    said = metadata_load(card)
    assert (said["license"], said["license_name"]) == ("other", "my-own-words")
    assert json.loads((folder / "config.json").read_text())["info"]["license"] == "cc-by-3.0"  # as it was
    assert sedt.load("me/a").package.info["license"] == "My own words"


def test_a_card_that_somebody_wrote_stays(hub: FakeHub, folder: Path) -> None:
    (folder / "README.md").write_text("---\nlanguage: en\n---\n# Mine\n\nI wrote this.\n")
    assert run("push", folder, "me/a", "--token", TOKEN).exit_code == 0
    card = list(hub.repos["me/a"].commits.values())[-1]["README.md"].decode()
    assert "I wrote this." in card
    assert "## Scores" not in card
    assert "pipeline_tag: audio-classification" in card
    (folder / "README.md").write_text("---\nlicense: [\n---\n# Mine\n")
    result = run("push", folder, "me/b", "--token", TOKEN)
    assert result.exit_code == 2
    assert "me/b" not in hub.repos
    assert "its metadata (between the lines ---) are no YAML" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_server_that_is_not_there(hub: FakeHub) -> None:
    hub.stop()
    with pytest.raises(InputError, match=r"me/a: uploading failed, the Hub .*refused$"):
        upload("me/a", SHORT, token=TOKEN)


@pytest.mark.skipif(find_spec("hf_xet") is None, reason="needs hf_xet, which chooses another way to upload")
def test_a_server_without_xet(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    said = ""
    try:
        upload("me/a", {name: DEMO / name for name in FILES}, token=TOKEN)
    except InputError as error:
        said = str(error)
    # Older clients go on without Xet by themselves.
    assert (set(FILES) <= set(list(hub.repos["me/a"].commits.values())[-1])) is (said == "")
    assert said == "" or ("needs HF_HUB_DISABLE_XET=1" in said and "\n" not in said)
