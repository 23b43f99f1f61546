"""What a source is asked to be is checked before anything starts; nothing is guessed."""

from __future__ import annotations

import pytest

from emgasr.errors import ConfigError
from emgasr.sources import open_source
from emgasr.sources.spec import Spec


def test_a_path_may_hold_commas_and_equal_signs() -> None:
    spec = Spec.parse("file", "/data/a=1, b.hdf5,speed=fast,chunk_ms=5")
    assert spec.bare == "/data/a=1, b.hdf5"
    assert spec.options == {"speed": "fast", "chunk_ms": "5"}


def test_bands_are_described_in_words() -> None:
    bands = Spec.parse("stdin", "bands=left:2+right:3,ring=yes").bands()
    assert [(band.name, len(band.electrodes), band.ring) for band in bands] == [("left", 2, True), ("right", 3, True)]
    assert Spec.parse("stdin", "channels=3").bands()[0].electrodes == ("emg1", "emg2", "emg3")
    named = Spec.parse("lsl", "bands=a:1+b:1").bands(2, ("flexor", "extensor"))
    assert [band.electrodes for band in named] == [("flexor",), ("extensor",)]


def test_a_source_says_its_montage() -> None:
    for words in ("bands=left:2+right:3", "channels=3"):
        bands = Spec.parse("stdin", f"{words},montage=reference").bands()
        assert {band.montage for band in bands} == {"reference"}
        assert {band.montage for band in Spec.parse("stdin", words).bands()} == {""}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "names no source"),
        ("usb:1", "names no source"),
        ("file:", "names no recording"),
        ("stdin:unit=uV,channels=2", "does not say its rate"),
        ("stdin:rate=2000,channels=2", "does not state its unit"),
        ("stdin:rate=2000,unit=uV", "does not say its channels"),
        ("stdin:rate=nan,unit=uV,channels=2", "rate=nan cannot be"),
        ("stdin:rate=2000,unit=mV,channels=2", "unit=mV is not known"),
        ("stdin:rate=2000,unit=uV,channels=2.5", "not whole"),
        ("stdin:rate=2000,unit=uV,bands=left:2+left:2", "two bands of one name"),
        ("stdin:rate=2000,unit=uV,bands=left", "is no band"),
        ("stdin:rate=2000,unit=uV,channels=2,format=int32", "format=int32 is not known"),
        ("stdin:rate=2000,unit=uV,channels=2,chanels=3", "did you mean channels"),
        ("simulate:seed=1,seed=2", "given twice"),
        ("simulate:speed=0", "speed=0 cannot be"),
        ("stdin:rate=2000,unit=uV,channels=2,montage=mono", "montage=mono is not known; choose"),
        ("lsl:", "does not say which stream"),
        ("brainflow:board=nonsense", "knows no board"),
        ("brainflow:", "does not say its board"),
        ("brainflow:board=16", "does not state its unit"),
        ("brainflow:board=0,unit=counts", "is in uV, not in counts"),
        ("brainflow:board=-1,bands=left:8", "has 16 channels"),
        ("brainflow:board=muse_2", "has no EMG channels"),
    ],
)
def test_a_bad_spec_is_one_line(spec: str, words: str) -> None:
    if spec.startswith("brainflow"):
        pytest.importorskip("brainflow")
    if spec.startswith("lsl"):
        pytest.importorskip("pylsl")
    with pytest.raises(ConfigError, match=words):
        open_source(spec)
