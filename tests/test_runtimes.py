"""Detection with an ONNX file where torch is not installed; files that are damaged or tampered with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from sedt.detector import find_model, load
from sedt.errors import InputError
from sedt.export import export_onnx
from sedt.runtimes.facts import facts_from_json
from sedt.runtimes.onnx_runtime import METADATA_KEY, OnnxRuntime
from sedt.runtimes.torch_runtime import facts_of
from small_models import MODELS, package

RECORDING = find_model("demo").parent / "recording" / "recording.ogg"

ABSENT = "torch torchvision timm lightning scipy safetensors onnx onnxscript matplotlib huggingface_hub"
BESIDES = "pydantic typer rich click"
"""What the command alone needs; pydantic is typer's."""

WITHOUT = """
import sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
sys.argv = ["sedt", *sys.argv[1:]]
"""

DETECT = """
import sedt
for event in sedt.load(sys.argv[1]).detect(sys.argv[2]):
    print(event.onset, event.offset, event.label, event.score, sep="\\t")
assert sedt.read_events and sedt.write_events
"""

CLI = """
from sedt.cli.main import run
run()
"""


def run_without(absent: str, code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `code` in a Python that has none of the packages `absent`."""
    program = WITHOUT.format(absent=set(absent.split())) + code
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", params=["sedt", pytest.param("crnn", marks=pytest.mark.slow)])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / f"{request.param}.onnx"
    export_onnx(package(request.param), path)
    return path


def test_onnxruntime_numpy_soundfile_and_soxr_are_enough(file: Path) -> None:
    done = run_without(f"{ABSENT} {BESIDES}", DETECT, file, RECORDING)
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    expected = [[str(e.onset), str(e.offset), e.label, str(e.score)] for e in load(file).detect(RECORDING)]
    assert expected
    assert rows == expected


def test_the_command_needs_typer_and_rich_besides(file: Path) -> None:
    done = run_without(ABSENT, CLI, "detect", RECORDING, "--model", file)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1 + len(load(file).detect(RECORDING))
    told = run_without(ABSENT, CLI, "info", file)
    assert told.returncode == 0, told.stderr
    assert "[siren]" in told.stdout
    assert "float32" in told.stdout


@pytest.mark.parametrize("file", ["sedt"], indirect=True)
def test_what_is_missing_is_said_in_one_line(file: Path) -> None:
    for absent, model, reason in (
        (ABSENT, "demo", "demo: a model package needs torch, which is not installed"),
        (f"{ABSENT} onnxruntime", file, "needs onnxruntime: pip install 'sedt[onnx]'"),
    ):
        done = run_without(absent, CLI, "detect", RECORDING, "--model", model)
        assert done.returncode == 2
        assert reason in done.stderr
        assert len(done.stderr.splitlines()) == 1
    done = run_without(ABSENT, CLI, "export", "demo", "--onnx", "a.onnx")
    assert (done.returncode, done.stderr) == (2, "sedt: this needs torch, which is not installed\n")


def test_facts_come_back_from_json() -> None:
    for network in MODELS:
        facts = facts_of(package(network, threshold={"cat": 0.1, "dog": 0.2, "[siren]": 0.3}))
        assert facts_from_json(facts.as_json(sedt_version="1"), "here") == facts


Change = Callable[[dict[str, Any]], object]

TAMPERED: list[tuple[str, Change, str]] = [
    ("classes", lambda c: c.update(classes=["cat", "dog"]), "metadata and model differ: `"),
    ("no class", lambda c: c.update(classes=[]), "`classes` must be a list of different labels, not []"),
    ("double", lambda c: c.update(classes=["a", "a", "b"]), "`classes` must be a list of different labels"),
    ("number", lambda c: c.update(classes=3), "`classes` must be a list"),
    ("window", lambda c: c.update(window_s=0.9), "`waveforms` has 16000, which are no samples of a window"),
    ("nothing", lambda c: c.pop("window_s"), "`window_s` must be a number from 1e-06 up, not nothing"),
    ("hop", lambda c: c.update(hop_samples=100), "`hop_samples` must be between half a window and a window"),
    ("hop 0", lambda c: c.update(hop_samples=0), "`hop_samples` must be a whole number from 1 up, not 0"),
    ("rate", lambda c: c.update(sample_rate="fast"), "`sample_rate` must be a whole number"),
    ("format", lambda c: c.update(format=2), "`format` must be 1"),
    ("network", lambda c: c.update(network="other"), "other has waveforms, num_samples, frames, tags"),
    ("decision", lambda c: c.pop("decision"), "`decision` must be an object, not nothing"),
    ("high", lambda c: c["decision"].update(threshold=1.5), "`threshold` must be a number in 0..1, not 1.5"),
    ("NaN", lambda c: c["decision"].update(threshold=float("nan")), "`threshold` must be a number in 0..1"),
    ("inf", lambda c: c["decision"].update(min_length_s=float("inf")), "`min_length_s` must be a finite"),
    ("class", lambda c: c["decision"].update(tag_threshold={"cat": 0.5}), "no value for class 'dog'"),
    ("fusion", lambda c: c["decision"].update(fusion=4), "`fusion` must be one of 1, 2, 3, not 4"),
    ("unknown", lambda c: c["decision"].update(colour=4), "unknown key `colour`"),
    ("switch", lambda c: c["decision"].update(deoverlap=1), "`deoverlap` must be one of True, False"),
]


@pytest.mark.parametrize("file", ["sedt"], indirect=True)
@pytest.mark.parametrize(("change", "message"), [row[1:] for row in TAMPERED], ids=[r[0] for r in TAMPERED])
def test_tampered_metadata(file: Path, tmp_path: Path, change: Change, message: str) -> None:
    model = onnx.load(file)
    content = json.loads(model.metadata_props[0].value)
    change(content)
    model.metadata_props[0].value = json.dumps(content)
    onnx.save(model, tmp_path / "tampered.onnx")
    with pytest.raises(InputError) as error:
        load(tmp_path / "tampered.onnx")
    assert message in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "tampered.onnx"))
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"format": 1}'])
def test_metadata_that_are_no_facts(text: str) -> None:
    with pytest.raises(InputError, match=r"^here: "):
        facts_from_json(text, "here")


@pytest.mark.parametrize("file", ["sedt"], indirect=True)
@pytest.mark.parametrize(("said", "number"), [("1", 1), ("3,2", 3), ("", 0), ("many", 0)])
def test_cores_are_shared_as_with_torch(
    file: Path, said: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    session: Any = OnnxRuntime(file)._session
    assert session.get_session_options().intra_op_num_threads == number


@pytest.mark.parametrize("file", ["sedt"], indirect=True)
def test_damaged_files(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    for content in (b"", b"not a model", whole[: len(whole) // 2], whole[:100]):
        (tmp_path / "damaged.onnx").write_bytes(content)
        with pytest.raises(InputError, match=r"damaged\.onnx: ") as error:
            load(tmp_path / "damaged.onnx")
        assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("file", ["sedt"], indirect=True)
def test_an_onnx_model_of_another_program(file: Path, tmp_path: Path) -> None:
    model = onnx.load(file)
    assert model.metadata_props[0].key == METADATA_KEY
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(InputError, match="an ONNX model, but not of `sedt export`"):
        load(tmp_path / "other.onnx")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such model: give the folder of a model package"):
        load(tmp_path / "none.onnx")
