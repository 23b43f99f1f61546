"""Options from YAML and the command line: what wins, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from emgasr.cli import main
from emgasr.cli.options.config import from_command_line
from emgasr.config.described import sections_of
from emgasr.config.parsing import from_mapping, to_mapping
from emgasr.config.typed_data import Kinds
from emgasr.data.batches import ComposedConfig, WindowsConfig
from emgasr.errors import ConfigError
from emgasr.frontend.features import BandPowerConfig, SpectralCovarianceConfig
from emgasr.models.conformer import ConformerConfig
from emgasr.models.tds import TDSConfig
from emgasr.training.config import KINDS, PersonalizeConfig, TrainingConfig
from emgasr.training.loop import FitConfig
from emgasr.training.objective import CTCConfig


def parse(*argv: str) -> TrainingConfig:
    return from_command_line(TrainingConfig, KINDS, argv, "emgasr train")


def write(folder: Path, text: str) -> str:
    path = folder / "config.yaml"
    path.write_text(text)
    return str(path)


FILE = """
manifest: all.jsonl
fit: {steps: 30}
tokens: {kind: characters, symbols: [a, b]}
features: {kind: band_power, edges_hz: [20, 60, 200]}
encoder: {kind: conformer, blocks: 3}
data: {kind: composed, batch_size: 5}
"""


def test_a_file_says_what_the_defaults_leave(tmp_path: Path) -> None:
    config = parse("--config", write(tmp_path, FILE))
    assert (config.fit.steps, config.manifest, config.seed) == (30, "all.jsonl", 0)
    assert config.encoder == ConformerConfig(blocks=3)
    assert config.features == BandPowerConfig(edges_hz=(20, 60, 200))
    assert config.data == ComposedConfig(batch_size=5)
    assert tuple(config.tokens.symbols) == ("a", "b")


@dataclass(frozen=True)
class Inner:
    """A part of a part."""

    size: int = 1
    depth: int = 1


@dataclass(frozen=True)
class Part:
    """A part."""

    inner: Inner = field(default_factory=Inner)
    weight: float = 0.0


@dataclass(frozen=True)
class Whole:
    """A configuration whose part has a default of its own."""

    part: Part = field(default_factory=lambda: Part(Inner(size=7), weight=2.0))


def test_a_part_of_a_part_keeps_what_its_default_says_and_stays_a_dataclass() -> None:
    assert from_mapping(Whole, {}, {"part": {"inner": {"depth": 3}}}, "a file") == Whole(Part(Inner(7, 3), 2.0))
    assert from_mapping(Whole, {}, to_mapping(Whole()), "a file") == Whole()


def test_the_command_line_overrides_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, FILE)
    config = parse("--config", file, "--encoder.blocks", "8", "--fit.steps=40", "--augment.time_masks", "0")
    assert config.encoder == ConformerConfig(blocks=8)
    assert (config.fit.steps, config.augment.time_masks) == (40, 0)
    assert parse("--config", file, "--fit.steps", "0", "--fit.minutes", "1.5").fit.minutes == 1.5


def test_another_kind_drops_what_a_file_says_of_the_first(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("fit: {minutes: 1}\nseed: 7\nencoder: {kind: conformer, width: 64}\n")
    second.write_text("encoder: {kind: tds, channels: 12}\n")
    by_option = from_command_line(TrainingConfig, KINDS, ["--config", str(first), "--encoder.kind", "tds"], "test")
    assert (by_option.seed, by_option.encoder) == (7, TDSConfig())
    files = ["--config", str(first), f"--config={second}", "--seed", "8"]
    by_file = from_command_line(TrainingConfig, KINDS, files, "test")
    assert (by_file.seed, by_file.fit.minutes, by_file.encoder) == (8, 1, TDSConfig(channels=12))


def test_the_kind_decides_which_options_there_are() -> None:
    assert parse("--fit.steps", "1").data == WindowsConfig()
    assert parse("--fit.steps", "1", "--encoder.kind", "tds", "--encoder.kernel", "8").encoder == TDSConfig(kernel=8)
    assert parse("--fit.steps", "1", "--encoder.kind=tds").encoder == TDSConfig()
    with pytest.raises(ConfigError, match="mlp_width"):
        parse("--fit.steps", "1", "--encoder.mlp_width", "8")


@pytest.mark.parametrize(
    ("argv", "wrong"),
    [
        (["--encoder.layers", "8"], r"encoder\.layers"),
        (["--bogus", "8"], "bogus"),
        (["--encoder.blocks", "many"], r"encoder\.blocks"),
        (["--encoder.blocks", "1.5"], r"encoder\.blocks"),
        (["--fit.learning_rate", "fast"], "learning_rate"),
        (["--encoder.kind", "rnn"], "'rnn' is unknown; choose conformer or tds or tcn or gru or cnn"),
        (["--fit.precision", "fp8"], "precision"),
        (["--tokens.kind", "runes"], r"tokens\.kind"),
        (["--fit.steps"], "expected one argument"),
        (["--fit.minutes", "3"], "either steps or minutes"),
        (["--fit.validations", "0"], "validations"),
        (["--encoder.width", "30"], "multiple of heads"),
        (["--data.shortest_s", "9"], "9 to 8 s"),
        (["--data.snap_s", "2"], "snap_s"),
        (["--data.kind", "composed", "--data.batch_size", "0"], "batch_size"),
        (["--config", "nowhere.yaml"], r"nowhere\.yaml: cannot be read"),
    ],
)
def test_a_bad_option_is_one_line_that_names_it(argv: list[str], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong) as error:
        parse("--fit.steps", "3", *argv)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("fit: {steps: 3}\nencoder: {kind: conformer, layers: 8}", "layers"),
        ("fit: {steps: 3}\nbogus: 8", "bogus"),
        ("fit: {steps: three}", "steps"),
        ("fit: {steps: 3}\nencoder: 5", "encoder is 5, not a mapping"),
        ("fit: {steps: 3}\nencoder: conformer", "not a mapping"),
        ("fit: {steps: 3}\naugment: 5", "augment"),
        ("fit: {steps: 3}\ntokens: characters", "tokens"),
        ("fit: {steps: 3}\nencoder: {kind: rnn}", "'rnn' is unknown"),
        ("fit: {steps: 3}\naugment: {time_masks: few}", "time_masks"),
        ("fit: {steps: 3}\nfeatures: {kind: band_power, edges_hz: wide}", "edges_hz"),
        ("fit: {steps: [3", "not YAML"),
        ("- fit", "not a mapping"),
        ("just words", "not a mapping"),
        ("", "not a mapping"),
        ("fit: {steps: !!python/object/apply:os.getcwd []}", "has a tag"),
        ("fit: {steps: null}", "steps is null, where a value is needed"),
        ("augment: null", "augment is None, not a mapping"),
        ("fit: {steps: 3, clip_norm: .inf}", "not a finite number"),
        ("fit: {steps: true}", "steps is True; give a whole number"),
        ("fit: {steps: 3.5}", "steps is 3.5"),
        ("fit: {steps: 3, clip_norm: false}", "clip_norm is False; give a finite number"),
        ("fit: {steps: 3}\nmanifest: [a]", "manifest"),
        ("fit: {steps: 3}\ntokens: {symbols: [a, 1]}", "symbols"),
        ("fit: {steps: 3}\nfeatures: {kind: spectral_covariance, bands_hz: [[1, 2, 3]]}", "bands_hz"),
        ("fit: {steps: 3}\nencoder: {kind: [conformer]}", "is unknown"),
        ("fit: {steps: 3}\nencoder: {kind: conformer, width: null}", "width is null"),
        ("fit: {steps: 3}\nconfig: other.yaml", "'config' is unknown"),
        ("fit: {steps: 3}\n__path__: other.yaml", "unknown"),
        ("fit: {steps: 3}\ndefault_env: true", "unknown"),
    ],
)
def test_a_bad_file_is_one_line_that_names_what_is_wrong(text: str, wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=wrong) as error:
        parse("--config", write(tmp_path, text))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "options", "blamed"),
    [
        ("fit: {steps: 3}\nencoder: {kind: conformer, width: 0}", [], "config.yaml: encoder.width: 0 is out of range"),
        (
            "fit: {steps: 3}\nencoder: {kind: conformer, width: 30}",
            ["--seed=2"],
            "config.yaml: encoder.width: 30 is not",
        ),
        ("fit: {steps: 3}\ndata: {shortest_s: 9}", [], "config.yaml: data: windows of 9 to 8 s"),
        (
            "fit: {steps: 3}\nnormalize: {epsilon: 1.0e+300}",
            [],
            "config.yaml: normalize.epsilon: 1e+300 is out of",
        ),
        ("fit: {steps: 3, minutes: 3}", [], "config.yaml: training budget: needs either"),
        ("fit: {steps: 3}", ["--fit.minutes=3"], "emgasr train: training budget: needs either"),
        ("fit: {steps: 3}", ["--encoder.width=0"], "emgasr train: encoder.width: 0 is out of range"),
        (
            "fit: {steps: 3}\nencoder: {kind: conformer, width: 0}",
            ["--encoder.heads=0", "--encoder.width=8"],
            "emgasr train: ",
        ),
    ],
)
def test_what_a_configuration_refuses_is_told_with_the_file_or_the_verb_that_said_it(
    text: str, options: list[str], blamed: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        parse("--config", write(tmp_path, text), *options)
    assert str(error.value).removeprefix(f"{tmp_path}/").startswith(blamed)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"\x89HDF\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        parse("--config", str(tmp_path / "config.yaml"))


SECTIONS = ("encoder", "features", "normalize", "data", "augment", "tokens", "fit", "objective")


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize(
    "text", ["{class_path: evil.E, init_args: {}}", "{class_path: evil.E}", "evil.E", "other.yaml"]
)
def test_no_section_names_a_class_or_a_file(
    section: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evil.py").write_text("open('it_ran', 'w')\nclass E: pass\n")
    (tmp_path / "a.yaml").write_text("class_path: evil.E\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=section):
        parse("--config", write(tmp_path, f"seed: 3\n{section}: {text}\n"))
    with pytest.raises(ConfigError, match=section):
        from_mapping(TrainingConfig, KINDS, yaml.safe_load(f"{section}: {text}"), "here")
    with pytest.raises(ConfigError, match=section):
        parse("--fit.steps", "3", f"--{section}={text}")
    with pytest.raises(ConfigError, match=section):
        parse("--fit.steps", "3", f"--{section}.class_path", "evil.E")
    assert not (tmp_path / "it_ran").exists()


def test_a_number_may_be_written_in_any_usual_way(tmp_path: Path) -> None:
    file = write(tmp_path, "fit: {steps: 1_000, learning_rate: 1e-3, clip_norm: 2}\nfeatures: {epsilon: 2.5e-7}\n")
    config = parse("--config", file)
    assert config.fit == FitConfig(steps=1000, learning_rate=1e-3, clip_norm=2.0)
    assert config.features.epsilon == 2.5e-7


BRIEF = FitConfig(steps=3, learning_rate=1e-5, workers=1)


@pytest.mark.parametrize(
    "config",
    [
        TrainingConfig(fit=BRIEF, objective=CTCConfig(frame_head="own")),
        TrainingConfig(fit=FitConfig(minutes=2.5), features=SpectralCovarianceConfig(), encoder=TDSConfig()),
        TrainingConfig(fit=BRIEF, features=BandPowerConfig(edges_hz=(20.0, 60.0)), data=ComposedConfig(stretch=0.1)),
    ],
)
def test_a_config_survives_its_file(config: TrainingConfig, tmp_path: Path) -> None:
    file = write(tmp_path, yaml.safe_dump(to_mapping(config)))
    for again in (parse("--config", file), from_mapping(TrainingConfig, KINDS, to_mapping(config), "here")):
        assert again == config
        assert to_mapping(again) == to_mapping(config)


def test_symbols_survive_a_file_as_a_tuple(tmp_path: Path) -> None:
    config = parse("--fit.steps", "1", "--tokens.symbols", "[a, b]")
    again = parse("--config", write(tmp_path, yaml.safe_dump(to_mapping(config))))
    assert again == config
    assert config.tokens.symbols == ("a", "b")


def test_configs_without_kinds_work_too() -> None:
    config = from_command_line(
        PersonalizeConfig, {}, ["--fit.minutes", "1", "--data.batch_s", "32"], "emgasr personalize"
    )
    assert (config.fit.minutes, config.data.batch_s, config.held_out) == (1.0, 32.0, 0.2)
    assert (config.fit.learning_rate, config.data.longest_s) == (5e-4, 8.0)  # a default of its own
    with pytest.raises(ConfigError, match="held_out"):
        PersonalizeConfig(fit=FitConfig(steps=1), held_out=1.0)


def test_print_config_shows_everything_and_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    arguments = ["--out", str(out), "--config", write(tmp_path, FILE), "--encoder.blocks", "8", "--print_config"]
    assert main(["train", *arguments]) == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert shown["encoder"]["blocks"] == 8
    assert shown["data"]["batch_size"] == 5
    assert shown["augment"]["time_masks"] == 3
    assert not out.exists()
    assert from_mapping(TrainingConfig, KINDS, shown, "shown").encoder == ConformerConfig(blocks=8)


def test_the_help_tells_the_bounds_of_each_number(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse("--encoder.kind=tds", "--help")
    told = " ".join(capsys.readouterr().out.split())
    assert "--fit.clip-norm X largest norm of the gradient (1e-06 to 1000000; default 1)" in told
    assert "(1 to 4096; default 32)" in told
    assert "(0 to 100; default 0)" in told


@pytest.mark.parametrize(("config", "kinds"), [(TrainingConfig, KINDS), (PersonalizeConfig, {})])
def test_every_option_of_training_has_a_text(config: type, kinds: Kinds) -> None:
    options = [option for section in sections_of(config, kinds) for option in section.options]
    assert len(options) > 30
    assert [option.name for option in options if not option.text] == []
