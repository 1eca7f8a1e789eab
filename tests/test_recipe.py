from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from sedt.config import Recipe
from sedt.errors import InputError
from sedt.recipe import load_recipe, load_scenes


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str, *settings: str) -> Recipe:
    return load_recipe(write(folder / "r.toml", text), settings)


def complaint(folder: Path, text: str, *settings: str) -> str:
    with pytest.raises(InputError) as caught:
        load(folder, text, *settings)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{folder}{os.sep}", "")


def test_an_empty_recipe_is_the_paper_s(tmp_path: Path) -> None:
    recipe = load(tmp_path, "")
    assert recipe == Recipe(name="r")
    assert recipe.model.encoder_layers == 3


def test_the_name_is_the_file_s_unless_given(tmp_path: Path) -> None:
    assert load(tmp_path, "").name == "r"
    assert load(tmp_path, 'name = "other"').name == "other"


# -- extends --------------------------------------------------------------------------------------


def test_a_child_replaces_key_by_key(tmp_path: Path) -> None:
    parent = 'name = "base"\nseed = 7\n[finetune]\nepochs = 9\npatience = 2\n[loss]\nl1_weight = 3.0'
    write(tmp_path / "base.toml", parent)
    recipe = load(tmp_path, 'extends = "base.toml"\n[finetune]\nepochs = 1')
    assert (recipe.finetune.epochs, recipe.finetune.patience) == (1, 2)
    assert (recipe.seed, recipe.loss.l1_weight) == (7, 3.0)
    assert recipe.name == "r"  # a child never writes into its parent's run


def test_lists_are_replaced_as_a_whole(tmp_path: Path) -> None:
    write(
        tmp_path / "base.toml",
        '[data]\nclasses = ["a", "b"]\n[[data.weak]]\naudio = "x"\n[[data.weak]]\naudio = "y"',
    )
    recipe = load(tmp_path, 'extends = "base.toml"\n[data]\nclasses = ["c"]\nweak = [{ audio = "z" }]')
    assert recipe.data.classes == ["c"]
    assert [source.audio for source in recipe.data.weak] == [[tmp_path / "z"]]


def test_three_generations_in_three_folders(tmp_path: Path) -> None:
    """Each relative path is relative to the recipe that it stands in."""
    write(tmp_path / "a" / "grand.toml", 'seed = 1\n[[data.strong]]\nlabels = "g.tsv"\naudio = ["g", "/abs"]')
    write(
        tmp_path / "b" / "parent.toml",
        'extends = "../a/grand.toml"\n[[data.weak]]\nlabels = "p.tsv"\naudio = "p"',
    )
    child = write(
        tmp_path / "c" / "child.toml",
        'extends = "../b/parent.toml"\n[[data.test]]\naudio = "c"\nlabels = "c.tsv"',
    )
    data = load_recipe(child).data
    assert load_recipe(child).seed == 1
    places = [(data.strong, "a", "g.tsv"), (data.weak, "b", "p.tsv"), (data.test, "c", "c.tsv")]
    for (source,), folder, labels in places:
        assert source.labels is not None
        assert source.labels.resolve() == (tmp_path / folder / labels).resolve()
    assert [path.resolve() for path in data.strong[0].audio] == [
        (tmp_path / "a" / "g").resolve(),
        Path("/abs"),
    ]


@pytest.mark.parametrize(
    ("value", "is_path"), [("imagenet", False), ("random", False), ("w.safetensors", True)]
)
@pytest.mark.parametrize("inherited", [True, False])
def test_backbone_start_is_a_word_or_a_path(
    tmp_path: Path, value: str, is_path: bool, inherited: bool
) -> None:
    text = f'[model]\nbackbone_start = "{value}"'
    if inherited:
        write(tmp_path / "base" / "b.toml", text)
        text = 'extends = "base/b.toml"'
    start = load(tmp_path, text).model.backbone_start
    expected = tmp_path / "base" / value if inherited else tmp_path / value
    assert start == (expected if is_path else value)


def test_a_circle_is_found(tmp_path: Path) -> None:
    write(tmp_path / "s.toml", 'extends = "r.toml"')
    assert complaint(tmp_path, 'extends = "s.toml"') == "r.toml: `extends` goes round in a circle"
    assert complaint(tmp_path, 'extends = "r.toml"') == "r.toml: `extends` goes round in a circle"


def test_one_grandparent_twice_is_no_circle(tmp_path: Path) -> None:
    write(tmp_path / "base.toml", "seed = 3")
    write(tmp_path / "mid.toml", 'extends = "base.toml"')
    assert load(tmp_path, 'extends = "mid.toml"').seed == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('extends = "none.toml"', "none.toml: cannot be read: No such file or directory"),
        ("extends = 3", "r.toml: `extends` must be the name of one recipe, not 3"),
        ('extends = ["a.toml"]', "r.toml: `extends` must be the name of one recipe, not ['a.toml']"),
    ],
)
def test_wrong_extends(tmp_path: Path, text: str, message: str) -> None:
    assert complaint(tmp_path, text) == message


# -- ${VARIABLES} and paths -----------------------------------------------------------------------


def test_a_variable_names_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUNDS", str(tmp_path / "sounds"))
    (source,) = load(
        tmp_path, '[[data.weak]]\naudio = ["${SOUNDS}/a", "b"]\nlabels = "${SOUNDS}/w.tsv"'
    ).data.weak
    assert source.audio == [tmp_path / "sounds" / "a", tmp_path / "b"]
    assert source.labels == tmp_path / "sounds" / "w.tsv"


def test_a_relative_variable_is_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the shell means it: the recipe's own folder matters only to what stands in the recipe."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("SOUNDS", "sounds")
    (source,) = load(tmp_path / "recipes", '[data.weak]\naudio = "${SOUNDS}/a"').data.weak
    assert source.audio == [tmp_path / "here" / "sounds" / "a"]


def test_a_variable_outside_paths_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUN", "exp7")
    recipe = load(tmp_path, 'name = "${RUN}-b"\ndescription = "run ${RUN} of ${RUN}"')
    assert (recipe.name, recipe.description) == ("exp7-b", "run exp7 of exp7")


def test_two_dollars_make_no_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUN", "exp7")
    recipe = load(tmp_path, 'name = "a"\ndescription = "$${RUN} is ${RUN}, $5 {x}"')
    assert recipe.description == "${RUN} is exp7, $5 {x}"
    assert load(tmp_path, "seed = 1", 'description="$${NOT_SET}"').description == "${NOT_SET}"


def test_extends_takes_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "far" / "base.toml", 'seed = 5\n[data.weak]\naudio = "x"')
    monkeypatch.setenv("BASE", str(tmp_path / "far"))
    recipe = load(tmp_path / "near", 'extends = "${BASE}/base.toml"')
    assert recipe.seed == 5
    assert recipe.data.weak[0].audio == [tmp_path / "far" / "x"]


def test_a_variable_of_what_a_child_replaces_need_not_be_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    parent = '[data.weak]\naudio = "${NOWHERE}/a"\n[model]\nbackbone_start = "${NOWHERE}/w"'
    write(tmp_path / "far" / "base.toml", parent)
    child = 'extends = "far/base.toml"\n[[data.weak]]\naudio = "b"\n'
    assert complaint(tmp_path, child) == (
        "far/base.toml: `model.backbone_start`: the environment variable NOWHERE is not set"
    )
    recipe = load(tmp_path, child, "model.backbone_start=random")
    assert recipe.data.weak[0].audio == [tmp_path / "b"]
    assert complaint(tmp_path, 'extends = "${NOWHERE}/base.toml"').endswith("NOWHERE is not set")
    assert complaint(tmp_path, "", "description=${NOWHERE}").endswith("NOWHERE is not set")


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    if value is not None:
        monkeypatch.setenv("NOWHERE", value)
    assert complaint(tmp_path, '[[data.weak]]\naudio = ["${NOWHERE}/a"]') == (
        "r.toml: `data.weak.audio`: the environment variable NOWHERE is not set"
    )


def test_a_path_with_a_null_character_is_refused(tmp_path: Path) -> None:
    message = complaint(tmp_path, '[data.weak]\naudio = "x"\nlabels = "a\\u0000b"')
    assert message == "r.toml: `data.weak.labels`: a path cannot hold a null character"


def test_an_empty_path_is_refused(tmp_path: Path) -> None:
    message = complaint(tmp_path, '[data.weak]\naudio = "x"\nlabels = ""')
    assert message == "r.toml: `data.weak.labels`: a path cannot be empty"


# -- --set ----------------------------------------------------------------------------------------


def test_settings_change_the_recipe(tmp_path: Path) -> None:
    text = '[finetune]\nepochs = 9\n[[data.weak]]\naudio = "x"'
    recipe = load(
        tmp_path,
        text,
        "finetune.epochs=3",
        "finetune.learning_rate = 1e-3",
        "loss.l1_on=span",
        'model.backbone_start="random"',
        'data.classes=["a", "b=c"]',
        "data.weak.0.split=train",
        "description=a = b",
    )
    assert (recipe.finetune.epochs, recipe.finetune.learning_rate) == (3, 1e-3)
    assert (recipe.loss.l1_on, recipe.model.backbone_start) == ("span", "random")
    assert recipe.data.classes == ["a", "b=c"]
    assert recipe.data.weak[0].split == "train"
    assert recipe.description == "a = b"


def test_later_settings_win(tmp_path: Path) -> None:
    assert load(tmp_path, "seed = 1", "seed=2", "seed=3").seed == 3


def test_settings_take_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUNDS", str(tmp_path))
    recipe = load(tmp_path, '[[data.weak]]\naudio = "x"', "data.weak.0.audio=${SOUNDS}/y")
    assert recipe.data.weak[0].audio == [tmp_path / "y"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seed", "--set seed: must be key=value, such as finetune.epochs=3"),
        ("=3", "--set =3: must be key=value, such as finetune.epochs=3"),
        ("a..b=3", "--set a..b=3: must be key=value, such as finetune.epochs=3"),
        ("seed.x=3", "--set seed.x=3: `seed` is not a table of the recipe"),
        ("seed.x.y=3", "--set seed.x.y=3: `x` is not a table of the recipe"),
        ("data.weak.fresh=true", "--set data.weak.fresh=true: `data.weak` is not a table of the recipe"),
        ("data.weak.1.fresh=true", "--set data.weak.1.fresh=true: `1` is not a table of the recipe"),
        ("data.weak.².fresh=true", "--set data.weak.².fresh=true: `²` is not a table of the recipe"),
        ("finetune.epoch=3", "r.toml: unknown key `finetune.epoch`"),
        ("finetune.epochs=many", "r.toml: `finetune.epochs`: "),
    ],
)
def test_wrong_settings(tmp_path: Path, setting: str, message: str) -> None:
    assert complaint(tmp_path, 'seed = 1\n[[data.weak]]\naudio = "x"', setting).startswith(message)


# -- errors name the file and the key -------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[finetune]\nepoch = 3", "unknown key `finetune.epoch`"),
        ("[finetunes]", "unknown key `finetunes`"),
        ("[finetune]\nepochs = 0", "`finetune.epochs`: Input should be greater than 0, not 0"),
        ('[finetune]\nepochs = "5"', "`finetune.epochs`: must be a number, not '5'"),
        ("[finetune]\nepochs = true", "`finetune.epochs`: must be a number, not True"),
        ("[machine]\nchannels_last = 1", "`machine.channels_last`: must be true or false, not 1"),
        ('[loss]\nl1_on = "box"', "`loss.l1_on`: Input should be 'edges' or 'span', not 'box'"),
        ("[loss]\nl1_weight = nan", "`loss.l1_weight`: Input should be a finite number, not nan"),
        ("finetune = 3", "`finetune`: Input should be a valid dictionary"),
        (
            "[model]\nbackbone_start = 3",
            "`model.backbone_start`: Input should be 'imagenet' or 'random', not 3",
        ),
        ("[decoding]\nthreshold = 2", "`decoding.threshold`: Input should be less than or equal to 1, not 2"),
        (
            "[decoding.threshold]\ndog = 2",
            "`decoding.threshold.dog`: Input should be less than or equal to 1",
        ),
        (
            "[[data.weak]]\nlabels = 'w.tsv'",
            "`data.weak.0`: a source needs `audio` (with `labels`), or `scenes`",
        ),
        (
            "[data.strong.scenes]\nevents = [4, 1]\nforeground = 'x'",
            "`data.strong.scenes`: events: [4, 1] must go",
        ),
        (
            "[data.strong.scenes]\nnoise = 'loud'",
            "`data.strong.scenes.foreground`: Field required (and 1 more)",
        ),
        ("[data]\nclasses = ['a', 'a']", "`data`: classes: a label stands twice"),
        ("name = 'a/b'", "`name`: String should match pattern"),
        ("seed = ", "not TOML: Invalid value (at "),
        ("seed = 1\nseed = 2", "not TOML: Cannot overwrite a value (at "),
    ],
)
def test_wrong_recipes(tmp_path: Path, text: str, message: str) -> None:
    assert complaint(tmp_path, text).startswith(f"r.toml: {message}")


def test_long_values_are_cut(tmp_path: Path) -> None:
    message = complaint(tmp_path, f"[finetune]\nepochs = {list(range(99))}")
    assert len(message) < 200
    assert message.endswith("...")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(InputError, match=re.escape(f"{tmp_path / 'r.toml'}: not TOML: ")):
        load_recipe(tmp_path / "r.toml")


def test_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_bytes(b"\xef\xbb\xbfseed = 3\r\n[finetune]\r\nepochs = 2\r\n")
    recipe = load_recipe(tmp_path / "r.toml")
    assert (recipe.seed, recipe.finetune.epochs) == (3, 2)


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "seed = " + "1" * 5000])
def test_what_the_reader_of_toml_cannot_hold(tmp_path: Path, text: str) -> None:
    assert complaint(tmp_path, text).startswith("r.toml: not TOML: ")


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_recipe(tmp_path)


# -- scenes ---------------------------------------------------------------------------------------


def test_scenes_are_read_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUNDS", str(tmp_path / "sounds"))
    write(tmp_path / "base.toml", 'foreground = "${SOUNDS}"\nnum_scenes = 7')
    scenes = load_scenes(
        write(tmp_path / "s.toml", 'extends = "base.toml"\nbackgrounds = "rain"\nsnr_db = [0, 9]')
    )
    assert scenes.foreground == tmp_path / "sounds"
    assert (scenes.num_scenes, scenes.backgrounds, scenes.snr_db) == (7, [tmp_path / "rain"], (0.0, 9.0))


def test_wrong_scenes(tmp_path: Path) -> None:
    path = write(tmp_path / "s.toml", 'foreground = "x"\nsnr = [0, 9]')
    with pytest.raises(InputError, match=re.escape(f"{path}: unknown key `snr`")):
        load_scenes(path)


def test_none_unsets_what_the_parent_set(tmp_path: Path) -> None:
    (tmp_path / "parent.toml").write_text(
        "[model]\ntime_stride = 4\n[finetune]\npatience = 3\ngradient_norm = 0.5\n"
    )
    child = tmp_path / "child.toml"
    child.write_text(
        'extends = "parent.toml"\n[model]\ntime_stride = "none"\n[finetune]\npatience = "none"\n'
    )
    recipe = load_recipe(child, ["finetune.gradient_norm=none"])
    assert recipe.model.time_stride is None
    assert recipe.finetune.patience is None
    assert recipe.finetune.gradient_norm is None
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "middle.toml").write_text('[data.weak]\naudio = "x"\ndurations = "none"\n')
    child.write_text('extends = "far/middle.toml"')
    assert load_recipe(child).data.weak[0].durations is None
    child.write_text('extends = "parent.toml"')
    with pytest.raises(InputError, match=r"`finetune.epochs`: .*not 'none'"):
        load_recipe(child, ["finetune.epochs=none"])
