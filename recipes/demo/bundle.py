"""Make `src/sedt/bundled` from a finished run of `recipes/demo/esc10.toml`: model, recording, attribution.

sedt train recipes/demo/esc10.toml
python recipes/demo/bundle.py runs/demo-esc10
"""

from __future__ import annotations

import argparse
import os
import shutil
from dataclasses import replace
from pathlib import Path

from sedt.audio import write_audio
from sedt.data.mixer import SceneMixer
from sedt.detector import Detector
from sedt.evaluation import Evaluation, evaluate
from sedt.formats import write_events
from sedt.package import load_package, save_package
from sedt.recipe import load_scenes

HERE = Path(__file__).parent
BUNDLED = HERE.parents[1] / "src" / "sedt" / "bundled"

LIMITS = [
    "A demonstration: 316 clips of 5 s are few, and scenes over noise are not the world.",
    "Useful to see how the tool works, not to rely on what it finds.",
]


def score(detector: Detector) -> Evaluation:
    """On scenes of sources that were not trained on."""
    mixer = SceneMixer(load_scenes(HERE / "test.toml"), detector.sample_rate)
    scenes = [mixer.scene(index) for index in range(len(mixer))]
    return evaluate(
        {scene.name: scene.events for scene in scenes},
        {scene.name: detector.detect(scene.waveform, detector.sample_rate) for scene in scenes},
        {scene.name: mixer.config.duration_s for scene in scenes},
    )


def write_recording(folder: Path, sample_rate: int) -> None:
    """The recording of `make demo` and its truth."""
    scene = SceneMixer(load_scenes(HERE / "recording.toml"), sample_rate).scene(0)
    write_audio(folder / "recording.ogg", scene.waveform, sample_rate)
    write_events(folder / "truth.tsv", {"recording.ogg": scene.events})


def main() -> None:
    """Write the three parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    options = parser.parse_args()

    package = load_package(options.run / "model")
    save_package(BUNDLED / "demo", package, half=True)
    stored = load_package(BUNDLED / "demo")  # what is scored is what is shipped, in half precision
    scores = score(Detector(stored)).as_dict()
    info = {
        **package.info,
        "license": "cc-by-3.0",
        "data_set": "scenes of ESC-10 over noise, 200 of unseen sources",
        "scores": {
            "test": {
                name: round(scores[name]["macro"]["f1"], 3)
                for name in ("event_based", "segment_based", "tagging")
            }
        },
        "training_data": [
            "ESC-10 (K. J. Piczak, CC BY 3.0; each clip CC0 or CC BY, see ATTRIBUTION.txt), folds 1 to 4: "
            "316 clips of ten classes, mixed into scenes over noise, new ones in every epoch.",
            "Fold 5 is in the scenes of validation, of the scores below and of the demo recording.",
        ],
        "limits": LIMITS,
    }
    save_package(BUNDLED / "demo", replace(package, info=info), half=True)
    write_recording(BUNDLED / "recording", package.features.sample_rate)
    shutil.copyfile(Path(os.environ["SEDT_DATA"]) / "esc10" / "ATTRIBUTION.txt", BUNDLED / "ATTRIBUTION.txt")
    for name, value in info["scores"]["test"].items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
