"""What looks odd in a list of recordings, told without opening one."""

from __future__ import annotations

from dataclasses import replace

from emgasr.manifests.manifest import Entry
from emgasr.manifests.oddities import few_takes, mixtures, odd


def entry(name: str, text: str = "yes", **changes: object) -> Entry:
    made = Entry(name, "takes", "ann", "monday", "train", 1.0, 200.0, 8, "0" * 64, name, text)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_nothing_is_odd_in_takes_alike() -> None:
    assert odd([entry(f"{i}.npy") for i in range(5)]) == []


def test_takes_of_other_rates_and_channels_are_grouped_and_named() -> None:
    entries = [entry(f"{i}.npy") for i in range(5)]
    entries += [entry(f"there/slow{i}.npy", rate_hz=100.0) for i in range(5)] + [entry("few.npy", channels=2)]
    entries += [entry(f"more{i}.npy") for i in range(3)]
    assert odd(entries) == [
        "one model cannot read them all: several rates: 200 Hz in 9; "
        "100 Hz in 5 (slow0.npy, slow1.npy, slow2.npy and 2 more)",
        "one model cannot read them all: several numbers of channels: 8 in 13; 2 in 1 (few.npy)",
    ]


def test_one_value_is_no_mixture() -> None:
    assert mixtures({"units": {"uV": ["a", "b"]}, "rates": {}}) == []


def test_takes_shorter_than_a_frame_are_named_the_shortest_first() -> None:
    short = [entry("b.npy", duration_s=0.05), entry("c.npy", duration_s=0.005)]
    (line,) = odd([*(entry(f"{i}.npy") for i in range(5)), *short])
    assert line == "2 recordings shorter than 0.1 s, about a frame of features: c.npy 0.005 s, b.npy 0.05 s"


def test_labels_with_few_takes_to_train_on_are_named_with_their_count() -> None:
    entries = [entry(f"{i}.npy") for i in range(6)] + [entry(f"n{i}.npy", "no") for i in range(2)]
    entries += [entry(f"t{i}.npy", "no", split="test") for i in range(9)] + [entry("r.npy", "Silence")]
    (line,) = odd(entries, rest=("silence",))
    assert line == "1 label with fewer than 5 takes to train on, trained all the same: 'no' 2"
    assert "2 labels" in odd(entries)[0]


def test_sentences_that_are_each_said_once_are_no_labels() -> None:
    assert few_takes({f"sentence {i}": 1 for i in range(20)}) == []
    assert few_takes({"yes": 1, "no": 30}) != []


def test_takes_of_several_montages_are_named_and_those_that_say_none_are_not() -> None:
    entries = [entry(f"{i}.npy", montage="bipolar") for i in range(5)] + [entry(f"u{i}.npy") for i in range(5)]
    entries.append(entry("half.npy", montage="left bipolar, right not told"))
    assert odd(entries) == []
    assert odd([*entries, entry("shared.npy", montage="reference")]) == [
        "one model cannot read them all: several montages: bipolar in 5; reference in 1 (shared.npy)"
    ]
