"""What `emgasr lm` found in, tables for people out."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from emgasr.display.console import Console

SHOWN = 100  # symbols in a list
_SPACE = "␣"


def show(result: dict[str, Any]) -> None:
    """Print the result of a command of `emgasr lm`."""
    console = Console(soft_wrap=True)
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    facts.add_column(style="dim")
    facts.add_column()
    for name, value in _facts(result):
        facts.add_row(name, value)
    console.print(facts)
    if "mixed" in result:
        console.print()
        console.print(_mixture(result))


def _facts(result: dict[str, Any]) -> list[tuple[str, str]]:
    if "left_over" in result:
        facts = [("lexicon", result["lexicon"]), ("words", f"{result['words']:,} of {result['lines']:,} lines")]
        return facts + [
            (f"{left['count']:,} left", f"{wrong}: {'; '.join(left['first'])}{' …' if left['count'] > 3 else ''}")
            for wrong, left in result["left_over"].items()
        ]
    facts = [("model", result["model"])]
    if "builder" in result:
        facts.append(("builder", f"{result['builder']}, {result['seconds']:.1f} s"))
        if result["prune"]:
            facts.append(("pruned", f"counts up to {' '.join(map(str, result['prune']))}"))
    if "ngrams_before" in result:
        facts.append(("before", _counted(result["ngrams_before"])))
    if "ngrams" in result:
        size, memory = (_bytes(result[name]) for name in ("file_bytes", "memory_bytes"))
        facts += [
            ("order", str(result["order"])),
            ("n-grams", _counted(result["ngrams"])),
            ("contexts", f"{result['contexts']:,}"),
            ("size", f"{size} on disk, {memory} in memory: {result['bytes_per_ngram']:g} bytes an n-gram"),
            ("symbols", _symbols(result["symbols"])),
        ]
        if not result.get("unknown_symbol", True):
            facts.append(("<unk>", "none: unknown symbols are all but impossible"))
        facts += [("note", note) for note in result.get("notes", ())]
    elif "perplexity" in result:
        facts += [
            ("text", f"{result['sentences']:,} sentences, {result['symbols']:,} symbols"),
            ("unknown", _unknown(result)),
            ("perplexity", f"{result['perplexity']:.4f} a symbol, ends of sentences counted"),
        ]
        if result["unknown"]:
            facts.append(("", f"{result['perplexity_known']:.4f} without the unknown symbols"))
        facts.append(("a character", f"{result['perplexity_per_character']:.4f}"))
        facts.append(("ln p", f"{result['ln_p']:.4f}"))
    elif "steps" in result:
        facts += [
            ("network", f"{result['parameters']:,} parameters, {result['symbols']:,} symbols"),
            ("trained", f"{result['steps']:,} steps, {result['minutes']:.1f} minutes; best at {result['best_step']:,}"),
            ("perplexity", f"{result['perplexity_per_character']:.4f} a character of held-out text"),
        ]
    if "ngram" in result:
        facts += [
            ("n-gram model", f"{result['ngram']}: {result['ngram_perplexity_per_character']:.4f} a character"),
            (
                "mixed",
                f"{result['mixed_perplexity_per_character']:.4f} with {result['ngram_share']:.3f} of the n-gram model",
            ),
        ]
    return facts


def _counted(counts: list[int]) -> str:
    per_order = ", ".join(f"{order}: {count:,}" for order, count in enumerate(counts, 1))
    return f"{sum(counts):,} ({per_order})"


def _mixture(result: dict[str, Any]) -> Table:
    tuned = "held_out" in result
    table = Table("model", box=None, padding=(0, 2, 0, 0))
    heads = ("weight", "symbols", *(("perplexity", "without unknown", "unknown") if tuned else ()))
    for head in heads:
        table.add_column(head, justify="right")
    total = {"model": result["model"], "weight": 1.0, "symbols": len(result["symbols"]), **_held_out(result)}
    for row in (*result["mixed"], total):
        cells = [f"{row['weight']:.4f}", f"{row['symbols']:,}"]
        if tuned:
            held_out = row["held_out"]
            cells += [f"{held_out[name]:.4f}" for name in ("perplexity", "perplexity_known")]
            cells.append(f"{held_out['unknown_rate']:.2%}")
        table.add_row(row["model"], *cells)
    return table


def _held_out(result: dict[str, Any]) -> dict[str, Any]:
    return {"held_out": result["held_out"]} if "held_out" in result else {}


def _unknown(result: dict[str, Any]) -> str:
    if not result["unknown"]:
        return "none"
    counted = result["unknown_symbols"]
    named = "  ".join(f"{_shown(symbol)} {count:,}" for symbol, count in list(counted.items())[:SHOWN])
    more = " …" if len(counted) > SHOWN else ""
    return f"{result['unknown']:,} ({result['unknown_rate']:.2%}), {len(counted):,} kinds: {named}{more}"


def _symbols(symbols: list[str]) -> str:
    return f"{len(symbols):,}: {' '.join(map(_shown, symbols[:SHOWN]))}{' …' if len(symbols) > SHOWN else ''}"


def _shown(symbol: str) -> str:
    return symbol.replace(" ", _SPACE) if symbol.isprintable() else repr(symbol)[1:-1]


def _bytes(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
