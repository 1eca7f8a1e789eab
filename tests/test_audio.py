"""Audio in and out, with real files made on the spot."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sedt.audio import (
    Waveform,
    audio_duration,
    find_audio,
    read_audio,
    stated_duration,
    stream_audio,
    to_mono,
    write_audio,
)
from sedt.errors import InputError


def sine(sample_rate: int, seconds: float, frequency: float = 440.0) -> NDArray[np.float64]:
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * sample_rate)) / sample_rate)


def chirp(sample_rate: int, seconds: float) -> NDArray[np.float64]:
    """Never repeats, so that a shift by one sample shows."""
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    return 0.5 * np.sin(2 * np.pi * (100 * t + 150 * t**2))


def write_container(path: Path, samples: NDArray[np.float64], sample_rate: int) -> Path:
    """An m4a (AAC) file made with PyAV; samples (samples, channels)."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=sample_rate, layout="stereo", bit_rate=192_000)
        for start in range(0, len(samples), 1024):  # AAC's frames
            data = np.ascontiguousarray(samples[start : start + 1024].T.astype(np.float32))
            frame = av.AudioFrame.from_ndarray(data, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = sample_rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("sample_rate", [8_000, 22_050, 44_100, 48_000, 192_000])
def test_a_resampled_sine_is_the_sine(tmp_path: Path, sample_rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", sine(sample_rate, 1.5), sample_rate, subtype="FLOAT")
    waveform = read_audio(tmp_path / "a.wav", 16_000)
    assert waveform.dtype == np.float32
    assert waveform.shape == (24_000,)
    inside = slice(800, -800)  # the ends ring: before and after the file there is silence
    assert np.abs(waveform - sine(16_000, 1.5))[inside].max() < 1e-4


def test_what_lies_above_the_new_rate_is_filtered_out(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sine(44_100, 1.0, frequency=12_000), 44_100)
    assert np.abs(read_audio(tmp_path / "a.wav", 16_000)[800:-800]).max() < 1e-3


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = sine(16_000, 0.5), sine(16_000, 0.5, 1000)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), 16_000, subtype="FLOAT")
    assert read_audio(tmp_path / "a.wav", 16_000) == pytest.approx((left + right) / 2, abs=1e-7)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.opus"])
@pytest.mark.parametrize("block_samples", [1000, 16_000, 70_000])
def test_a_stream_is_the_whole(tmp_path: Path, name: str, block_samples: int) -> None:
    rate, kind = (48_000, {"format": "OGG", "subtype": "OPUS"}) if name == "a.opus" else (44_100, {})
    samples = np.stack([chirp(rate, 4.0), sine(rate, 4.0)], axis=1)
    soundfile.write(tmp_path / name, samples, rate, **kind)
    whole = read_audio(tmp_path / name, 16_000)
    blocks = list(stream_audio(tmp_path / name, 16_000, block_samples))
    assert {len(block) for block in blocks[:-1]} <= {block_samples}
    assert 0 < len(blocks[-1]) <= block_samples
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    expected, _ = soundfile.read(tmp_path / name, dtype="float32")  # in one piece
    np.testing.assert_allclose(whole, to_mono(expected, rate, 16_000), atol=1e-6)
    assert audio_duration(tmp_path / name) == pytest.approx(len(whole) / 16_000, abs=1e-4)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.m4a"])
@pytest.mark.parametrize(("start_s", "duration_s"), [(0.0, 0.5), (1.2345, 1.0), (2.9, None), (3.5, 99.0)])
def test_a_part_is_the_slice_of_the_whole(
    tmp_path: Path, name: str, start_s: float, duration_s: float | None
) -> None:
    samples = np.stack([chirp(44_100, 4.0), chirp(44_100, 4.0)], axis=1)
    if name == "a.m4a":
        write_container(tmp_path / name, samples, 44_100)
    else:
        soundfile.write(tmp_path / name, samples, 44_100)
    whole = read_audio(tmp_path / name, 16_000)
    part = read_audio(tmp_path / name, 16_000, start_s=start_s, duration_s=duration_s)
    start = round(start_s * 16_000)
    expected = whole[start : None if duration_s is None else start + round(duration_s * 16_000)]
    np.testing.assert_allclose(part, expected, atol=2e-6)


@settings(max_examples=25, deadline=None)
@given(
    rates=st.sampled_from([(8_000, 16_000), (44_100, 16_000), (16_000, 16_000), (11_025, 44_100)]),
    start=st.integers(0, 11_999),
    length=st.integers(1, 5000),
)
def test_any_part_is_the_slice_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, rates: tuple[int, int], start: int, length: int
) -> None:
    path = tmp_path_factory.mktemp("audio") / "a.wav"
    soundfile.write(path, chirp(rates[0], 2.0), rates[0], subtype="FLOAT")
    whole = read_audio(path, rates[1])
    part = read_audio(path, rates[1], start_s=start / rates[1], duration_s=length / rates[1])
    np.testing.assert_allclose(part, whole[start : start + length], atol=2e-6)


@pytest.mark.parametrize("rate", [16_000, 44_100, 8_000])
@pytest.mark.parametrize("start", [0, 1, 7_000, 63_999])
def test_a_stream_from_a_sample_on(tmp_path: Path, rate: int, start: int) -> None:
    soundfile.write(tmp_path / "a.wav", chirp(rate, 4.0), rate, subtype="FLOAT")
    blocks = list(stream_audio(tmp_path / "a.wav", 16_000, 5_000, start))
    whole = read_audio(tmp_path / "a.wav", 16_000)
    assert {len(block) for block in blocks[:-1]} <= {5_000}
    np.testing.assert_allclose(np.concatenate(blocks), whole[start:], atol=2e-6)


def test_no_stream_from_behind_the_end_on(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", chirp(16_000, 1.0), 16_000)
    with pytest.raises(InputError, match=r"a\.wav: ends before 1 s"):
        list(stream_audio(tmp_path / "a.wav", 16_000, 5_000, 16_000))


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.m4a"])
def test_what_a_header_says_of_the_length(tmp_path: Path, name: str) -> None:
    if name.endswith("m4a"):
        write_container(tmp_path / name, np.stack([sine(44_100, 20.0)] * 2, axis=1), 44_100)
    else:
        soundfile.write(tmp_path / name, chirp(44_100, 20.0), 44_100)
    assert stated_duration(tmp_path / name) == pytest.approx(20.0, abs=0.1)
    (tmp_path / name).write_text("no audio")
    assert stated_duration(tmp_path / name) is None


def test_other_containers_are_read(tmp_path: Path) -> None:
    path = write_container(tmp_path / "a.m4a", np.stack([sine(44_100, 2.0)] * 2, axis=1), 44_100)
    waveform = read_audio(path, 16_000)
    assert audio_duration(path) == pytest.approx(len(waveform) / 16_000, abs=1e-4)
    assert audio_duration(path) == pytest.approx(2.0, abs=0.05)  # AAC works in blocks of 1024
    assert np.abs(waveform - sine(16_000, 4.0)[: len(waveform)])[1600:-1600].max() < 0.02
    joined = np.concatenate(list(stream_audio(path, 16_000, 5000)))
    np.testing.assert_array_equal(joined, waveform)


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    path = write_container(tmp_path / "a.m4a", np.stack([sine(44_100, 1.0)] * 2, axis=1), 44_100)
    program = (
        "import sys; sys.modules['av'] = None\n"  # what an import of a package that is absent meets
        "from sedt.audio import read_audio\n"
        f"read_audio({str(path)!r}, 16000)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "a.m4a" in result.stderr
    assert "pip install 'sedt[av]'" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("channels", [1, 8])
def test_one_sample_at_a_high_rate_is_read(tmp_path: Path, channels: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.full((1, channels), 0.25), 192_000, subtype="FLOAT")
    assert read_audio(tmp_path / "a.wav", 16_000).tolist() == [0.25]
    assert [block.tolist() for block in stream_audio(tmp_path / "a.wav", 16_000, 10)] == [[0.25]]
    assert audio_duration(tmp_path / "a.wav") == 1 / 192_000


def test_eight_channels_at_a_high_rate_are_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([sine(192_000, 1.0)] * 8, axis=1), 192_000)
    assert np.abs(read_audio(tmp_path / "a.wav", 16_000) - sine(16_000, 1.0))[800:-800].max() < 1e-3


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (b"", b"TAG" + bytes(125)),
        (b"", b"\xff\xfb\x90\xc4" + bytes(99)),
        (b"ID3\4" + bytes(4) + b"\1\0", b""),
    ],
    ids=["plain", "id3v1", "cut_frame", "id3v2"],
)
def test_an_mp3_whose_length_is_estimated_is_read_to_its_end(
    tmp_path: Path, before: bytes, after: bytes
) -> None:
    loud = np.random.default_rng(0).normal(0, 0.3, 44_100 * 10)
    with soundfile.SoundFile(tmp_path / "a.mp3", "w", 44_100, 1, bitrate_mode="VARIABLE") as file:
        file.write(np.concatenate([np.zeros(44_100 * 10), loud]))
    content = (tmp_path / "a.mp3").read_bytes()
    first_frame = 144 * 128_000 // 44_100  # 128 kbit/s; it holds the Xing header, which knows the length
    assert b"Xing" in content[:first_frame]
    (tmp_path / "a.mp3").write_bytes(before + (bytes(128) if before else b"") + content[first_frame:] + after)
    assert soundfile.info(tmp_path / "a.mp3").duration != pytest.approx(20.0, abs=5.0)
    assert len(read_audio(tmp_path / "a.mp3", 16_000)) / 16_000 == pytest.approx(20.0, abs=0.1)
    assert audio_duration(tmp_path / "a.mp3") == pytest.approx(20.0, abs=0.1)


@pytest.mark.parametrize("header", [True, False])
def test_an_mp3_cut_short_is_read_as_far_as_it_goes(tmp_path: Path, header: bool) -> None:
    soundfile.write(tmp_path / "a.mp3", chirp(44_100, 4.0), 44_100)
    content = (tmp_path / "a.mp3").read_bytes()[0 if header else 417 :]
    (tmp_path / "a.mp3").write_bytes(content[: len(content) // 2])
    length = len(read_audio(tmp_path / "a.mp3", 16_000)) / 16_000
    assert length == pytest.approx(2.0, abs=0.3)
    assert audio_duration(tmp_path / "a.mp3") == pytest.approx(length, abs=1e-4)


def test_a_flac_of_unknown_length_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", chirp(16_000, 3.0), 16_000)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21] &= 0xF0  # STREAMINFO's 36 bits of "total samples": 0 is unknown, as in a stream
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)
    assert len(read_audio(tmp_path / "a.flac", 16_000)) == 48_000
    assert audio_duration(tmp_path / "a.flac") == 3.0
    assert stated_duration(tmp_path / "a.flac") is None


def test_streaming_keeps_memory_constant(tmp_path: Path) -> None:
    def peak(seconds: int) -> int:
        with soundfile.SoundFile(tmp_path / "a.wav", "w", 44_100, 1) as file:
            for _ in range(seconds):
                file.write(sine(44_100, 1.0))
        tracemalloc.start()
        for _ in stream_audio(tmp_path / "a.wav", 16_000, 160_000):
            pass
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    short = peak(30)
    assert peak(300) < short * 1.2


def bad_file(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.wav"
    match kind:
        case "folder":
            path.mkdir()
        case "empty":
            path.touch()
        case "text":
            path.write_text("onset\toffset\n" * 500)
        case "binary":
            path.write_bytes(np.random.default_rng(0).bytes(5000))
        case "no_samples":
            soundfile.write(path, np.zeros((0, 1)), 16_000)
        case "nan" | "inf":
            samples = np.zeros(32_000, np.float32)
            samples[24_000] = float(kind)
            soundfile.write(path, samples, 16_000, subtype="FLOAT")
        case "truncated":
            path = folder / "truncated.flac"
            noise = np.random.default_rng(0).normal(0, 0.1, 160_000)
            soundfile.write(path, noise, 16_000)
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        case "playlist":
            path.write_text("#EXTM3U\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n")
        case "video":
            path = folder / "video.mp4"
            write_silent_video(path)
        case "headerless":
            path = folder / "headerless.raw"
            path.write_bytes(bytes(1000))
    return path


def write_silent_video(path: Path) -> None:
    """A film without a sound track."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "no such file"),
        ("folder", "a folder"),
        ("empty", "empty file"),
        ("text", "not audio"),
        ("binary", "not audio"),
        ("playlist", "not audio"),
        ("headerless", "not audio"),
        ("no_samples", "no samples"),
        ("nan", "1.500 s is not a finite number"),
        ("inf", "1.500 s is not a finite number"),
        ("truncated", "decoding fails at"),
        ("video", "no audio track"),
    ],
)
def test_a_bad_file_is_named_in_one_line(tmp_path: Path, kind: str, message: str) -> None:
    path = bad_file(tmp_path, kind)
    for read in (lambda: read_audio(path, 8_000), lambda: list(stream_audio(path, 8_000, 1000))):
        with pytest.raises(InputError, match=message) as caught:
            read()
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.ogg", "a.m4a"])
@pytest.mark.parametrize("start_s", [2.5, 100.0])
def test_a_start_past_the_end_is_an_error(tmp_path: Path, name: str, start_s: float) -> None:
    samples = np.stack([sine(44_100, 2.0)] * 2, axis=1)
    if name == "a.m4a":
        write_container(tmp_path / name, samples, 44_100)
    else:
        soundfile.write(tmp_path / name, samples, 44_100)
    with pytest.raises(InputError, match="ends before"):
        read_audio(tmp_path / name, 16_000, start_s=start_s)


@pytest.mark.parametrize(
    "options", [{"start_s": -1.0}, {"start_s": float("nan")}, {"duration_s": 0.0}, {"duration_s": -2.0}]
)
def test_a_part_that_cannot_be_is_an_error(tmp_path: Path, options: dict[str, float]) -> None:
    soundfile.write(tmp_path / "a.wav", sine(16_000, 1.0), 16_000)
    with pytest.raises(InputError, match="start_s"):
        read_audio(tmp_path / "a.wav", 16_000, **options)


@pytest.mark.parametrize(
    ("dtype", "zero", "minus_one"),
    [("int16", 0, -32768), ("int32", 0, -(2**31)), ("int8", 0, -128), ("uint8", 128, 0)],
)
def test_integers_are_scaled_to_full_scale(dtype: str, zero: int, minus_one: int) -> None:
    assert to_mono(np.array([zero, minus_one], dtype), 16_000, 16_000).tolist() == [0.0, -1.0]


def test_an_array_becomes_what_the_file_becomes(tmp_path: Path) -> None:
    samples = np.stack([chirp(44_100, 2.0), sine(44_100, 2.0)], axis=1)
    soundfile.write(tmp_path / "a.wav", samples, 44_100, subtype="DOUBLE")
    np.testing.assert_allclose(
        to_mono(samples, 44_100, 16_000), read_audio(tmp_path / "a.wav", 16_000), atol=1e-6
    )
    mono = samples.mean(axis=1)
    np.testing.assert_allclose(
        to_mono(mono, 44_100, 16_000), read_audio(tmp_path / "a.wav", 16_000), atol=1e-6
    )


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(0), "no samples"),
        (np.zeros((0, 2)), "no samples"),
        (np.zeros((10, 0)), "no samples"),
        (np.zeros((2, 3, 4)), "must be"),
        (np.float32(1.0), "must be"),
        (np.zeros((2, 16_000)), "transpose"),
        (np.zeros(4, np.int64), "int64"),
        (np.zeros(4, bool), "bool"),
        (np.zeros(4, complex), "complex"),
        (np.array(["a"]), "must be float"),
        (np.array([0.0, np.nan]), "not a finite number"),
        (np.array([0.0, -np.inf]), "not a finite number"),
        (np.array([0.0, 1e300]), "not a finite number"),
    ],
)
def test_arrays_that_are_not_audio_are_refused(samples: NDArray[np.float64], message: str) -> None:
    with pytest.raises(InputError, match=message):
        to_mono(samples, 16_000, 16_000)


@pytest.mark.parametrize("rates", [(0, 16_000), (16_000, 0), (-1, 16_000)])
def test_rates_must_be_positive(rates: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="sample rate"):
        to_mono(np.zeros(10), *rates)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "A.WAV"])
def test_sixteen_bits_come_back_bit_by_bit(tmp_path: Path, name: str) -> None:
    numbers = np.arange(-32768, 32768, dtype=np.int16)
    write_audio(tmp_path / "new" / name, to_mono(numbers, 16_000, 16_000), 16_000)
    back, rate = soundfile.read(tmp_path / "new" / name, dtype="int16")
    assert rate == 16_000
    np.testing.assert_array_equal(back, numbers)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
def test_what_is_too_loud_is_clipped_not_wrapped(tmp_path: Path, name: str) -> None:
    loud = np.float32(4.0) * sine(16_000, 1.0, 100).astype(np.float32)
    write_audio(tmp_path / name, loud, 16_000)
    back = read_audio(tmp_path / name, 16_000)
    assert np.abs(back - np.clip(loud, -1, 1)).max() < (0.3 if name == "a.ogg" else 1e-4)


def test_a_long_ogg_is_written(tmp_path: Path) -> None:
    waveform: Waveform = np.tile(chirp(16_000, 10.0).astype(np.float32), 30)
    write_audio(tmp_path / "a.ogg", waveform, 16_000)
    assert audio_duration(tmp_path / "a.ogg") == 300.0


@pytest.mark.parametrize(
    ("name", "waveform"),
    [
        ("a.m4a", np.zeros(10, np.float32)),
        ("a", np.zeros(10, np.float32)),
        ("a.wav", np.zeros(0, np.float32)),
        ("a.wav", np.zeros((10, 2), np.float32)),
        ("a.wav", np.full(10, np.nan, np.float32)),
    ],
)
def test_what_cannot_be_written_is_an_error(tmp_path: Path, name: str, waveform: Waveform) -> None:
    with pytest.raises(InputError, match=str(tmp_path / name)):
        write_audio(tmp_path / name, waveform, 16_000)
    assert list(tmp_path.iterdir()) == []


def test_find_audio_goes_down_and_leaves_out_what_is_hidden(tmp_path: Path) -> None:
    root = tmp_path / "root"
    names = [
        "b.WAV",
        "a/2.flac",
        "a/10.mp3",
        "a.ogg",
        "a/notes.txt",
        ".hidden/x.wav",
        "a/.x.wav",
        "c/d/e.m4a",
    ]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "f.wav").touch()
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "a" / "round").symlink_to(root)  # a circle
    found = [path.relative_to(root).as_posix() for path in find_audio(root)]
    assert found == ["a/10.mp3", "a/2.flac", "a.ogg", "b.WAV", "c/d/e.m4a", "linked/f.wav"]
    with pytest.raises(InputError, match="no such folder"):
        find_audio(root / "b.WAV")
